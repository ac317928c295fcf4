/* What the front-end transmits, received: chains to mbufs (virtio 1.2, 2.7, 2.8, 5.1.6).
 *
 * Chains are bounded by the ring's size, and an address is translated together with its length. A
 * bad chain is used up with length 0 and counted, and does not hold up those behind it.
 *
 * A burst goes in chunks: look at the descriptors and prefetch what they point at, then copy, then
 * use the chains up; the driver is shown all of them at once. */
#include "drivers/vhost/announce.h"
#include "drivers/vhost/copy.h"
#include "drivers/vhost/plain.h"
#include "drivers/vhost/walk.h"

#define MAX_FRAME 65600 /* the most that segmentation offloads ask for, with some tags */

/* A packet that is put together from a chain. */
struct parcel {
	struct vhost_virtqueue *vq;
	struct mbuf *pkt;
	struct mbuf *last; /* its last segment */
};

/* A frame longer than an mbuf goes whole into one that holds any, where there are such. */
static bool enlarge(struct parcel *parcel)
{
	struct mbuf *small = parcel->pkt, *large;

	if (!parcel->vq->large || small->nb_segs != 1 || small->pool == parcel->vq->large ||
	        !mempool_get_bulk(parcel->vq->large, &large, 1))
		return false;
	mbuf_set(large, MBUF_HEADROOM, small->data_len, parcel->vq->port_id);
	memcpy(mbuf_data(large), mbuf_data(small), small->data_len);
	mbuf_free(small);
	parcel->pkt = parcel->last = large;
	return true;
}

static bool append_segment(struct parcel *parcel)
{
	struct vhost_virtqueue *vq = parcel->vq;
	struct mbuf *fresh;

	if (vq->offload.linear) {
		vq->stats.errors++;
		return false;
	}
	if (parcel->pkt->nb_segs == UINT16_MAX || !mempool_get_bulk(vq->pool, &fresh, 1)) {
		vq->stats.nombuf++;
		return false;
	}
	mbuf_set(fresh, MBUF_HEADROOM, 0, vq->port_id);
	parcel->last->next = fresh;
	parcel->last = fresh;
	parcel->pkt->nb_segs++;
	return true;
}

/* Copy what is in hand to the packet's end; false when there is no room for it. */
static bool append_bytes(struct parcel *parcel, const uint8_t *at, uint32_t len)
{
	while (len) {
		struct mbuf *last = parcel->last;
		uint16_t n = (uint16_t)min_of(len, (uint32_t)mbuf_tailroom(last));

		if (n == 0) {
			if (!enlarge(parcel) && !append_segment(parcel))
				return false;
			continue;
		}
		memcpy(mbuf_data(last) + last->data_len, at, n);
		last->data_len += n;
		parcel->pkt->pkt_len += n;
		at += n;
		len -= n;
	}
	return true;
}

static ALWAYS_INLINE void dequeue_header(
        struct vhost_virtqueue *vq, struct mbuf *m, const uint8_t *header)
{
	uint16_t asked;

	memcpy(&asked, header, sizeof(asked));
	if (unlikely((asked & vq->offload.header_mask) | vq->offload.vlan_strip))
		vq->bad_headers += !vnet_rx_offload(&vq->offload, m, header);
}

/* Any chain at all into `fresh`, or whatever holds it. NULL, with all of that freed, when the chain
 * is bad or there is no room, which is counted. */
static NOINLINE struct mbuf *dequeue_chain(
        struct vhost_virtqueue *vq, struct look *look, struct mbuf *fresh, const bool packed)
{
	struct parcel parcel = {.vq = vq, .pkt = fresh, .last = fresh};
	uint8_t header[sizeof(struct virtio_net_hdr)];
	struct walk walk;
	bool fits = true;

	mbuf_set(fresh, MBUF_HEADROOM, 0, vq->port_id);
	walk_begin(&walk, vq, look, 0, packed);
	if (walk_step(&walk) && walk_take(&walk, header, vq->hdr_size)) {
		do {
			if (walk.len > MAX_FRAME - parcel.pkt->pkt_len)
				walk_fail(&walk, VHOST_BAD_FRAME);
			else
				fits = append_bytes(&parcel, walk.at, walk.len);
		} while (fits && walk_step(&walk));
	}
	if (packed)
		look_to_end(vq, look);
	if (!walk.bad && parcel.pkt->pkt_len == 0)
		walk_fail(&walk, VHOST_BAD_FRAME);
	if (fits && !walk.bad) {
		dequeue_header(vq, parcel.pkt, header);
		return parcel.pkt;
	}
	if (walk.bad) {
		ring_count_bad(vq, walk.bad);
		vq->stats.errors++;
	}
	mbuf_free(parcel.pkt);
	return NULL;
}

static ALWAYS_INLINE struct mbuf *dequeue_one(
        struct vhost_virtqueue *vq, struct look *look, struct mbuf *m, const bool packed)
{
	uint32_t len = look->len - vq->hdr_size;
	uint32_t space = (uint32_t)(m->buf_len - MBUF_HEADROOM);

	if (unlikely(!look->at || look->len <= vq->hdr_size || len > space))
		return dequeue_chain(vq, look, m, packed);
	mbuf_set(m, MBUF_HEADROOM, (uint16_t)len, vq->port_id);
	/* whole blocks, where the region and the mbuf have them */
	if (likely(look->len + 64 <= look->room && len + 64 <= space))
		copy_blocks(mbuf_data(m), look->at + vq->hdr_size, len);
	else
		memcpy(mbuf_data(m), look->at + vq->hdr_size, len);
	dequeue_header(vq, m, look->at);
	return m;
}

/* Up to n chains, as many as wait and as there are mbufs for: how many packets they made. */
static ALWAYS_INLINE uint16_t dequeue_chunk(struct vhost_virtqueue *vq, struct used_batch *batch,
        struct mbuf **pkts, uint16_t n, uint16_t waiting, struct stats_run *run, const bool packed)
{
	struct look looks[CHUNK];
	struct mbuf *fresh[CHUNK];
	uint16_t nb_rx = 0, nb_looks = ring_look(vq, looks, n, waiting, 0, packed), nb_fresh;

	if (nb_looks == 0)
		return 0;
	nb_fresh = mempool_get_some(vq->pool, fresh, nb_looks);
	if (unlikely(nb_fresh < nb_looks))
		vq->stats.nombuf += (uint16_t)(nb_looks - nb_fresh);
	for (uint16_t i = 0; i < nb_fresh; i++) {
		struct mbuf *m = dequeue_one(vq, &looks[i], fresh[i], packed);

		ring_use(vq, batch, &looks[i], 0, packed);
		if (unlikely(!m))
			continue;
		stats_add(&vq->stats, run, m->pkt_len, mbuf_data(m));
		pkts[nb_rx++] = m;
	}
	return nb_rx;
}

/* The plain chains that come next, n at most: how many packets they made. Blocks of 64 bytes are
 * copied whole: the region and the mbuf have room for that. */
static ALWAYS_INLINE uint16_t dequeue_plain(struct vhost_virtqueue *vq, struct used_batch *batch,
        struct mbuf **pkts, uint16_t n, uint16_t waiting, struct stats_run *run, const bool packed)
{
	const uint32_t hdr_size = vq->hdr_size, most = vq->pool->buf_len - MBUF_HEADROOM - 64u;
	const uint16_t port_id = vq->port_id;
	struct plain_run chains;
	uint16_t asked = 0, nb, i;

	plain_look(vq, &chains, n, waiting, 0, 64, packed);
	nb = chains.nb ? mempool_get_some(vq->pool, pkts, chains.nb) : 0;
	for (i = 0; i < nb; i++) {
		const uint8_t *at = chains.at[i];
		uint32_t len = chains.lens[i] - hdr_size;
		struct mbuf *m = pkts[i];
		uint16_t header;

		/* nothing but a header, or not even that, is too long as well */
		if (unlikely(len - 1 >= most))
			break;
		memcpy(&header, at, sizeof(header));
		asked |= header;
		mbuf_set(m, MBUF_HEADROOM, (uint16_t)len, port_id);
		copy_blocks(m->buf_addr + MBUF_HEADROOM, at + hdr_size, len);
	}
	if (unlikely(i < nb))
		mempool_put_bulk(vq->pool, &pkts[i], (uint16_t)(nb - i));
	nb = i;
	if (unlikely((asked & vq->offload.header_mask) | vq->offload.vlan_strip))
		for (i = 0; i < nb; i++)
			dequeue_header(vq, pkts[i], chains.at[i]);
	for (i = 0; i < nb; i++)
		stats_add(&vq->stats, run, pkts[i]->pkt_len, mbuf_data(pkts[i]));
	plain_use(vq, batch, &chains, NULL, nb, packed);
	return nb;
}

static ALWAYS_INLINE uint16_t dequeue(
        struct vhost_virtqueue *vq, struct mbuf **pkts, uint16_t nb, const bool packed)
{
	struct used_batch batch;
	uint16_t waiting, nb_rx = 0, before;
	struct stats_run run = {0};

	used_batch_begin(&batch, packed && vq->in_order);
	waiting = ring_waiting(vq, nb, packed);
	/* bad chains make no packets: a burst looks at no more chains than were asked for */
	do {
		uint16_t n = min_of((uint16_t)(nb - batch.nb), (uint16_t)CHUNK);

		before = batch.nb;
		nb_rx += dequeue_plain(
		        vq, &batch, &pkts[nb_rx], n, (uint16_t)(waiting - batch.nb), &run, packed);
		if (unlikely(batch.nb == before))
			nb_rx += dequeue_chunk(vq, &batch, &pkts[nb_rx], n,
			        (uint16_t)(waiting - batch.nb), &run, packed);
	} while (batch.nb != before && batch.nb < nb);
	if (batch.nb) {
		stats_finish(&vq->stats, &run, nb_rx);
		ring_publish(vq, &batch, packed);
	}
	return nb_rx;
}

/* A ring that is started but disabled (vhost-user, "Ring states"): what comes is used up unread. */
static NOINLINE void discard(struct vhost_virtqueue *vq, uint16_t nb, const bool packed)
{
	struct look looks[CHUNK];
	struct used_batch batch = {0};
	uint16_t n = min_of(nb, (uint16_t)CHUNK), waiting = ring_waiting(vq, nb, packed);

	n = ring_look(vq, looks, n, waiting, 0, packed);
	if (n == 0)
		return;
	batch.skip = packed && vq->in_order;
	for (uint16_t i = 0; i < n; i++) {
		if (packed)
			look_to_end(vq, &looks[i]);
		ring_use(vq, &batch, &looks[i], 0, packed);
	}
	ring_publish(vq, &batch, packed);
}

uint16_t vhost_rx_burst(void *queue, struct mbuf **pkts, uint16_t nb)
{
	struct vhost_virtqueue *vq = queue;

	if (!ring_may_burst(vq, nb))
		return 0;
	if (unlikely(vq->discards)) {
		discard(vq, nb, vq->is_packed);
		return 0;
	}
	if (unlikely(load_acquire(&vq->announces) && nb))
		return receive_announcement(vq, pkts);
	return vq->is_packed ? dequeue(vq, pkts, nb, true) : dequeue(vq, pkts, nb, false);
}
