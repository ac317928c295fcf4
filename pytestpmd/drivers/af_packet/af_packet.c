/* net_af_packet: frames through rings that the kernel shares, TPACKET_V2
 * (Documentation/networking/packet_mmap.rst): one copy each way, no system call to receive, one a
 * burst to send.
 *
 * A frame begins with its tpacket2_hdr, whose status says whose turn it is. Behind it, before the
 * frame's bytes, there is a net header, because a frame may have come from, or may go to, somebody
 * who leaves checksums to others. The kernel is believed, its offsets are checked all the same. */
#include "drivers/af_packet/af_packet.h"

#include "eal/net.h"
#include "eal/vlan.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#define NET_HDR_SIZE offsetof(struct virtio_net_hdr, num_buffers)
#define TX_OFFSET    (TPACKET2_HDRLEN - sizeof(struct sockaddr_ll))
#define TX_STATUS    (TP_STATUS_SEND_REQUEST | TP_STATUS_SENDING | TP_STATUS_WRONG_FORMAT)

static ALWAYS_INLINE struct tpacket2_hdr *frame_at(const struct packet_ring *ring, uint32_t index)
{
	uint32_t block = index / ring->frames_per_block, place = index % ring->frames_per_block;

	return (void *)(ring->frames + (size_t)block * ring->block_size +
	                (size_t)place * ring->frame_size);
}

static ALWAYS_INLINE struct tpacket2_hdr *next_frame(const struct packet_ring *ring)
{
	return frame_at(ring, ring->next);
}

static ALWAYS_INLINE void step(struct packet_ring *ring)
{
	ring->next++;
	if (unlikely(ring->next == ring->nb_frames))
		ring->next = 0;
}

static ALWAYS_INLINE bool is_ours(const struct tpacket2_hdr *frame)
{
	/* acquire pairs with the kernel's barrier between the frame and its status */
	return load_acquire(&frame->tp_status) & TP_STATUS_USER;
}

static ALWAYS_INLINE void give_back(struct packet_ring *ring, struct tpacket2_hdr *frame)
{
	/* release: the kernel writes there only once it has been read */
	store_release(&frame->tp_status, TP_STATUS_KERNEL);
	step(ring);
}

/* Copy a frame that is longer than an mbuf into `m` and as many more as it takes. */
static NOINLINE bool copy_long(
        struct mempool *pool, struct mbuf *m, const uint8_t *from, uint32_t len)
{
	uint32_t room = (uint32_t)m->buf_len - MBUF_HEADROOM;
	struct mbuf *last = m;

	m->pkt_len = len;
	m->data_len = (uint16_t)room;
	memcpy(mbuf_data(m), from, room);
	for (uint32_t done = room; done < len; done += last->data_len) {
		struct mbuf *more;

		if (!mempool_get_bulk(pool, &more, 1))
			return false;
		mbuf_set(more, MBUF_HEADROOM, (uint16_t)min_of(len - done, room), m->port);
		memcpy(mbuf_data(more), from + done, more->data_len);
		last->next = more;
		last = more;
		m->nb_segs++;
	}
	return true;
}

/* The kernel has taken the outermost tag out; put it where it was, unless it may stay out. */
static NOINLINE void take_tag(
        struct packet_queue *queue, struct mbuf *m, uint32_t status, uint16_t tci, uint16_t type)
{
	m->vlan_tci = tci;
	if (queue->offload.vlan_strip) {
		m->ol_flags |= MBUF_F_RX_VLAN | MBUF_F_RX_VLAN_STRIPPED;
		return;
	}
	if (!vlan_insert(m))
		return;
	m->l2_len = 0;
	if (status & TP_STATUS_VLAN_TPID_VALID)
		((struct ether_hdr *)(void *)mbuf_data(m))->type = net_u16(type);
}

/* A frame of the ring into `m`; false when it cannot be had. */
static ALWAYS_INLINE bool take_frame(
        struct packet_queue *queue, const struct tpacket2_hdr *frame, struct mbuf *m)
{
	struct tpacket2_hdr hdr = *frame;
	const uint8_t *data = (const uint8_t *)frame + hdr.tp_mac;
	uint16_t asked;

	if (unlikely(hdr.tp_mac < sizeof(hdr) + NET_HDR_SIZE ||
	             hdr.tp_mac > queue->ring.frame_size ||
	             hdr.tp_snaplen > queue->ring.frame_size - hdr.tp_mac || !hdr.tp_snaplen)) {
		queue->bad_frames++;
		return false;
	}
	if (unlikely(hdr.tp_snaplen < hdr.tp_len)) {
		queue->truncated++;
		return false;
	}
	mbuf_set(m, MBUF_HEADROOM, (uint16_t)hdr.tp_snaplen, queue->port_id);
	if (likely(hdr.tp_snaplen <= (uint32_t)m->buf_len - MBUF_HEADROOM))
		memcpy(mbuf_data(m), data, hdr.tp_snaplen);
	else if (!copy_long(queue->pool, m, data, hdr.tp_snaplen)) {
		queue->stats.nombuf++;
		return false;
	}
	memcpy(&asked, data - NET_HDR_SIZE, sizeof(asked));
	if (unlikely(asked & queue->offload.header_mask))
		queue->bad_headers += !vnet_rx_offload(&queue->offload, m, data - NET_HDR_SIZE);
	if (unlikely(hdr.tp_status & TP_STATUS_VLAN_VALID))
		take_tag(queue, m, hdr.tp_status, hdr.tp_vlan_tci, hdr.tp_vlan_tpid);
	return true;
}

/* How many frames wait, up to nb. */
static ALWAYS_INLINE uint16_t count_ready(const struct packet_ring *ring, uint16_t nb)
{
	uint32_t index = ring->next;
	uint16_t n = 0;

	for (; n < nb && is_ours(frame_at(ring, index)); n++)
		index = index + 1 == ring->nb_frames ? 0 : index + 1;
	return n;
}

uint16_t packet_rx(void *rxq, struct mbuf **pkts, uint16_t nb)
{
	struct packet_queue *queue = rxq;
	uint16_t ready, n = 0;
	uint64_t bytes = 0;

	if (!load_relaxed(&queue->enabled) || (ready = count_ready(&queue->ring, nb)) == 0)
		return 0;
	ready = min_of(ready, (uint16_t)queue->ring.nb_frames);
	if (unlikely(!mempool_get_bulk(queue->pool, pkts, ready))) {
		queue->stats.nombuf++;
		return 0;
	}
	for (uint16_t i = 0; i < ready; i++) {
		struct tpacket2_hdr *frame = next_frame(&queue->ring);
		struct mbuf *m = pkts[i];

		prefetch(frame_at(&queue->ring,
		        queue->ring.next + 1 == queue->ring.nb_frames ? 0 : queue->ring.next + 1));
		if (likely(take_frame(queue, frame, m))) {
			bytes += m->pkt_len;
			pkts[n++] = m;
		} else {
			queue->stats.errors++;
			mbuf_free(m);
		}
		give_back(&queue->ring, frame);
	}
	queue->stats.packets += n;
	queue->stats.bytes += bytes;
	return n;
}

void packet_discard(struct packet_queue *queue)
{
	for (uint32_t i = 0; i < queue->ring.nb_frames; i++) {
		struct tpacket2_hdr *frame = next_frame(&queue->ring);

		if (!is_ours(frame))
			return;
		give_back(&queue->ring, frame);
	}
}

/* Have the kernel send what is in the ring. What it has no room for stays there, and the next
 * burst, if only one of 0 packets, tries again: it may say that all went well when only some did,
 * but not the last one. */
static ALWAYS_INLINE void kick(struct packet_queue *queue)
{
	const struct packet_ring *ring = &queue->ring;
	uint32_t last = (ring->next ? ring->next : ring->nb_frames) - 1;

	sendto(queue->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
	queue->has_unsent = load_acquire(&frame_at(ring, last)->tp_status) & TP_STATUS_SEND_REQUEST;
}

static ALWAYS_INLINE void put_frame(
        struct tpacket2_hdr *frame, const struct mbuf *m, const struct virtio_net_hdr *header)
{
	uint8_t *at = (uint8_t *)frame + TX_OFFSET;

	memcpy(at, header, NET_HDR_SIZE);
	frame->tp_len = (uint32_t)NET_HDR_SIZE + m->pkt_len;
	frame->tp_snaplen = frame->tp_len;
	at += NET_HDR_SIZE;
	for (; m; at += m->data_len, m = m->next)
		memcpy(at, mbuf_data(m), m->data_len);
	/* release pairs with the kernel's read of the frame behind its status */
	store_release(&frame->tp_status, TP_STATUS_SEND_REQUEST);
}

static ALWAYS_INLINE bool prepare(
        const struct packet_queue *queue, struct mbuf *m, struct virtio_net_hdr *header)
{
	*header = (struct virtio_net_hdr){0};
	if (unlikely(m->ol_flags) && !vnet_tx_offload(&queue->offload, m, header))
		return false;
	return likely(m->pkt_len >= sizeof(struct ether_hdr) && m->pkt_len <= queue->max_frame);
}

uint16_t packet_tx(void *txq, struct mbuf **pkts, uint16_t nb)
{
	struct packet_queue *queue = txq;
	uint16_t n = 0, bad = 0;
	uint64_t bytes = 0;

	if (!load_relaxed(&queue->enabled))
		return 0;
	for (; n < nb; n++) {
		struct tpacket2_hdr *frame = next_frame(&queue->ring);
		struct virtio_net_hdr header;

		if (unlikely(load_acquire(&frame->tp_status) & TX_STATUS))
			break;
		if (unlikely(!prepare(queue, pkts[n], &header))) {
			bad++;
			continue;
		}
		bytes += pkts[n]->pkt_len;
		put_frame(frame, pkts[n], &header);
		step(&queue->ring);
		queue->has_unsent = true;
	}
	if (queue->has_unsent || n < nb)
		kick(queue);
	queue->stats.packets += (uint16_t)(n - bad);
	queue->stats.bytes += bytes;
	queue->stats.errors += bad;
	mbuf_free_bulk(pkts, n);
	return n;
}

bool packet_intr_enable(void *rxq)
{
	const struct packet_queue *queue = rxq;

	return load_relaxed(&queue->enabled) && is_ours(next_frame(&queue->ring));
}

void packet_intr_disable(void *rxq)
{
	(void)rxq;
}
