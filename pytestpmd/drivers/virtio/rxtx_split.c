/* Receive and transmit bursts over split rings: virtio 1.2, 2.7 and 5.1.6.
 *
 * One body for each direction, its variants fixed at compile time by traits. Nothing that the
 * device wrote is believed: ids must be of descriptors that are outstanding, lengths must fit what
 * those offered, and what we know of a descriptor stands in our own slots, not in the ring. A lie
 * sets the queue's fault; from then on it moves nothing. */
#include "drivers/virtio/run.h"
#include "drivers/virtio/rxtx.h"
#include "drivers/virtio/split.h"

/* Link a packet's further buffers behind its head. False, and the fault, when one is bad: what was
 * linked so far is then part of the head's chain, for the caller to free. */
static NOINLINE bool recv_further(struct virtqueue *vq, struct mbuf *head, uint16_t nb_further,
        const struct split_traits traits)
{
	struct mbuf *last = head;
	struct used_buffer buffer;

	for (; nb_further; nb_further--) {
		if (!next_used(vq, 0, &buffer, traits))
			return false;
		take_used(vq, &buffer, traits);
		mbuf_set(buffer.m, VIRTQUEUE_RX_OFFSET, (uint16_t)buffer.len, vq->port_id);
		last->next = buffer.m;
		last = buffer.m;
		head->nb_segs++;
		head->pkt_len += buffer.len;
	}
	return true;
}

static ALWAYS_INLINE uint16_t recv_split(
        struct virtqueue *vq, struct mbuf **pkts, uint16_t nb, const struct split_traits traits)
{
	uint16_t nb_rx = 0, nb_buffers = 1, nb_used, end, got;
	bool odd;
	struct stats_run run = {0};
	struct used_buffer buffer;

	if (unlikely(!virtqueue_may_burst(vq, nb)))
		return 0;
	nb_used = virtqueue_nb_used(vq, nb);
	end = (uint16_t)(vq->used_cons + nb_used);
	do {
		got = run_recv(vq, &pkts[nb_rx],
		        min_of((uint16_t)(end - vq->used_cons), (uint16_t)(nb - nb_rx)), &run, &odd,
		        traits.mergeable, (struct run_traits){.in_order = traits.in_order});
		nb_rx += got;
	} while (got == RUN_MAX);
	while (unlikely(odd) && nb_rx < nb && (nb_used = (uint16_t)(end - vq->used_cons)) != 0) {
		if (nb_used > RX_AHEAD)
			prefetch_used(vq, RX_AHEAD);
		if (!next_used(vq, vq->hdr_size, &buffer, traits))
			break;
		if (traits.mergeable && (nb_buffers = packet_buffers(vq, buffer.m)) != 1) {
			/* 0 is a fault; a packet that is not whole yet waits for its other buffers
			 */
			if (nb_buffers == 0 || nb_buffers > nb_used) {
				vq->used_seen = vq->used_cons; /* read it again */
				break;
			}
		}
		take_used(vq, &buffer, traits);
		mbuf_set(buffer.m, (uint16_t)(VIRTQUEUE_RX_OFFSET + vq->hdr_size),
		        (uint16_t)(buffer.len - vq->hdr_size), vq->port_id);
		if (traits.mergeable && unlikely(nb_buffers != 1) &&
		        !recv_further(vq, buffer.m, (uint16_t)(nb_buffers - 1), traits)) {
			mbuf_free(buffer.m);
			break;
		}
		if (unlikely(buffer.m->pkt_len < MIN_FRAME)) {
			drop_runt(vq, buffer.m);
			continue;
		}
		if (unlikely(vq->offloads))
			virtio_rx_offload(vq, buffer.m);
		stats_add(&vq->stats, &run, buffer.m->pkt_len, mbuf_data(buffer.m));
		pkts[nb_rx++] = buffer.m;
	}
	if (nb_rx)
		stats_finish(&vq->stats, &run, nb_rx);
	if (virtqueue_nb_free(vq) >= vq->free_thresh && likely(!vq->fault))
		virtqueue_refill(vq);
	return nb_rx;
}

/* Where a chain's descriptors go: into the ring, linked by ids of their own, or side by side into
 * the head's indirect table (virtio 1.2, 2.7.5.3). */
struct chain {
	struct vring_desc *desc; /* the one to be written next */
	uint16_t id;
	uint16_t left; /* after this one */
	bool indirect;
};

static void chain_add(struct virtqueue *vq, struct chain *chain, const uint8_t *at, uint32_t len)
{
	uint16_t next;

	write_desc(vq, chain->desc, at, len, chain->left ? VRING_DESC_F_NEXT : 0);
	if (chain->left-- == 0)
		return;
	if (chain->indirect) {
		chain->desc->next = ++chain->id;
		chain->desc++;
		return;
	}
	next = virtqueue_take_id(vq);
	chain->desc->next = next;
	vq->slots[chain->id].next = next;
	vq->slots[next].mbuf = NULL;
	chain->id = next;
	chain->desc = &vq->desc[next];
}

static NOINLINE void xmit_chain(struct virtqueue *vq, struct mbuf *m, const struct xmit_plan *plan)
{
	uint16_t head = virtqueue_take_id(vq), nb_items = plan->nb_items;
	struct chain chain = {
	        .desc = &vq->desc[head], .id = head, .left = (uint16_t)(nb_items - 1)};
	struct virtqueue_slot *slot = &vq->slots[head];
	struct xmit_rest rest = xmit_rest(m, plan);
	const uint8_t *at;
	uint32_t len;

	slot->mbuf = m;
	slot->nb_descs = plan->indirect ? 1 : nb_items;
	slot->len = UINT32_MAX;
	if (plan->indirect) {
		struct vring_desc *table = &vq->indirect[(size_t)head * VIRTQUEUE_INDIRECT_MAX];

		write_desc(vq, &vq->desc[head], (const uint8_t *)table,
		        (uint32_t)(nb_items * sizeof(*table)), VRING_DESC_F_INDIRECT);
		chain = (struct chain){.desc = table, .left = chain.left, .indirect = true};
	}
	at = virtio_xmit_first(vq, m, head, plan, &len);
	do {
		chain_add(vq, &chain, at, len);
	} while (xmit_rest_next(&rest, &at, &len));
	virtqueue_offer(vq, head);
}

/* Send a run of usual packets, for n of which there is room: how many. */
static ALWAYS_INLINE uint16_t xmit_run(
        struct virtqueue *vq, struct mbuf **pkts, uint16_t n, struct stats_run *run)
{
	const uint16_t mask = (uint16_t)(vq->size - 1), hdr_size = vq->hdr_size;
	const uint16_t *free_ids = vq->free_ids;
	struct virtqueue_slot *slots = vq->slots;
	uint16_t *shadow = vq->avail_shadow, *avail = vq->avail->ring;
	struct vring_desc *ring = vq->desc;
	const struct iova_map *iova = vq->iova;
	uint16_t head = vq->free_head, idx = vq->avail_idx, i;

	for (i = 0; i < n; i++, idx++) {
		struct mbuf *m = pkts[i];
		uint16_t id = free_ids[head & mask], slot = idx & mask;

		if (unlikely(!is_plain(vq, m)))
			break;
		head++;
		slots[id] = (struct virtqueue_slot){.mbuf = m, .nb_descs = 1, .len = UINT32_MAX};
		ring[id] = (struct vring_desc){.addr = iova_of(iova, push_header(vq, m)),
		        .len = (uint32_t)m->data_len + hdr_size};
		if (unlikely(shadow[slot] != id)) {
			shadow[slot] = id;
			store_relaxed(&avail[slot], id);
		}
		/* before the packet is the device's: it may be gone at once */
		stats_add(&vq->stats, run, m->pkt_len, mbuf_data(m));
	}
	vq->free_head = head;
	vq->avail_idx = idx;
	return i;
}

static ALWAYS_INLINE uint16_t xmit_split(
        struct virtqueue *vq, struct mbuf **pkts, uint16_t nb, const struct split_traits traits)
{
	uint16_t before, nb_tx;
	struct stats_run run = {0};
	struct xmit_plan plan;

	if (unlikely(virtqueue_is_broken(vq)))
		return 0;
	before = vq->avail_idx;
	if (virtqueue_nb_free(vq) < vq->free_thresh || virtqueue_nb_free(vq) < nb)
		reclaim(vq, (struct run_traits){.in_order = traits.in_order});
	nb_tx = xmit_run(vq, pkts, min_of(nb, virtqueue_nb_free(vq)), &run);
	for (; nb_tx < nb; nb_tx++) {
		struct mbuf *m = pkts[nb_tx];
		bool plain = is_plain(vq, m);
		uint16_t needed = likely(plain) ? 1 : virtio_xmit_plan(vq, m, &plan);

		if (unlikely(virtqueue_nb_free(vq) < needed)) {
			/* chains may need more than there was reason to reclaim above */
			reclaim_split(vq, traits);
			if (virtqueue_nb_free(vq) < needed)
				break;
		}
		/* before the packet is the device's: it may be gone at once */
		stats_add(&vq->stats, &run, m->pkt_len + (plain ? 0 : plan.tag_len), mbuf_data(m));
		if (likely(plain))
			xmit_one(vq, m);
		else
			xmit_chain(vq, m, &plan);
	}
	if (nb_tx) {
		stats_finish(&vq->stats, &run, nb_tx);
		virtqueue_publish(vq, before);
	} else {
		virtqueue_settle(vq);
	}
	return nb_tx;
}

#define SPLIT_RX(name, ...)                                                                        \
	uint16_t name(void *queue, struct mbuf **pkts, uint16_t nb)                                \
	{                                                                                          \
		return recv_split(queue, pkts, nb, (struct split_traits){__VA_ARGS__});            \
	}

SPLIT_RX(virtio_recv_pkts, .mergeable = false)
SPLIT_RX(virtio_recv_mergeable_pkts, .mergeable = true)
SPLIT_RX(virtio_recv_pkts_inorder, .in_order = true)
SPLIT_RX(virtio_recv_mergeable_pkts_inorder, .mergeable = true, .in_order = true)

uint16_t virtio_xmit_pkts(void *queue, struct mbuf **pkts, uint16_t nb)
{
	return xmit_split(queue, pkts, nb, (struct split_traits){.in_order = false});
}

uint16_t virtio_xmit_pkts_inorder(void *queue, struct mbuf **pkts, uint16_t nb)
{
	return xmit_split(queue, pkts, nb, (struct split_traits){.in_order = true});
}

/* The same bodies for packets of one buffer, made with wider vectors. */
#define SPLIT_VEC(target, suffix)                                                                  \
	target uint16_t virtio_recv_pkts_vec##suffix(void *queue, struct mbuf **pkts, uint16_t nb) \
	{                                                                                          \
		return recv_split(queue, pkts, nb, (struct split_traits){.in_order = false});      \
	}                                                                                          \
	target uint16_t virtio_recv_pkts_vec##suffix##_inorder(                                    \
	        void *queue, struct mbuf **pkts, uint16_t nb)                                      \
	{                                                                                          \
		return recv_split(queue, pkts, nb, (struct split_traits){.in_order = true});       \
	}                                                                                          \
	target uint16_t virtio_xmit_pkts_simple##suffix(                                           \
	        void *queue, struct mbuf **pkts, uint16_t nb)                                      \
	{                                                                                          \
		return xmit_split(queue, pkts, nb, (struct split_traits){.in_order = false});      \
	}

SPLIT_VEC(, )
SPLIT_VEC(TARGET("avx2"), _256)
SPLIT_VEC(TARGET("avx512f,avx512bw,avx512vl"), _512)
