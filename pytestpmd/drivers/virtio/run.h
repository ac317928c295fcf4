#ifndef VIRTIO_RUN_H
#define VIRTIO_RUN_H
#include "drivers/virtio/packed.h"
#include "drivers/virtio/split.h"

/* C only */

/* Used buffers of one descriptor each, told of one by one: the usual ones. A burst takes a run of
 * them with all that it needs in registers, and asks of each what the long way asks. Whatever ends
 * the run is left to the long way, which also tells what is wrong with it. */
#define RUN_MAX 64

struct used_run {
	uint32_t lens[RUN_MAX];
	uint16_t ids[RUN_MAX];
	uint16_t nb;
	bool odd; /* the run ended at something that is there, but is not usual */
};

struct run_traits {
	bool packed;
	bool in_order;
	bool whole; /* what is taken is kept, so a run may go through batches, too */
};

/* Take the buffer of id `id` when it can have been used with this length: its mbuf, or NULL. */
static ALWAYS_INLINE struct mbuf *run_take(
        struct virtqueue_slot *slot, uint32_t len, uint32_t least)
{
	struct mbuf *m = slot->mbuf;

	if (unlikely(!m || slot->nb_descs != 1 || len < least || len > slot->len))
		return NULL;
	/* an id that is told of twice finds nothing the second time */
	slot->mbuf = NULL;
	return m;
}

static ALWAYS_INLINE void run_take_split(struct virtqueue *vq, struct used_run *run,
        struct mbuf **mbufs, uint16_t n, uint32_t least, const struct run_traits traits)
{
	const struct vring_used_elem *ring = vq->used->ring;
	struct virtqueue_slot *slots = vq->slots;
	const uint16_t mask = (uint16_t)(vq->size - 1);
	uint16_t at = vq->used_cons;

	for (uint16_t i = 0; i < n; i++, at++) {
		uint32_t id = load_relaxed(&ring[at & mask].id);
		uint32_t len = load_relaxed(&ring[at & mask].len);

		if (unlikely(id > mask || (traits.in_order && id != vq->avail_shadow[at & mask])))
			return;
		mbufs[i] = run_take(&slots[id], len, least);
		if (unlikely(!mbufs[i]))
			return;
		prefetch_to_write(mbufs[i]);
		run->ids[i] = (uint16_t)id;
		run->lens[i] = len;
		run->nb++;
	}
	run->odd = false;
}

static ALWAYS_INLINE void run_take_packed(struct virtqueue *vq, struct used_run *run,
        struct mbuf **mbufs, uint16_t n, uint32_t least, const struct run_traits traits)
{
	const struct vring_packed_desc *ring = vq->packed;
	struct virtqueue_slot *slots = vq->slots;
	const uint16_t size = vq->size;
	uint16_t at = vq->used_cons, used = vring_packed_used(vq->used_wrap);

	for (uint16_t i = 0; i < n; i++) {
		/* acquire pairs with the device's release of flags after it wrote the rest */
		uint16_t flags = load_acquire(&ring[at].flags);
		uint16_t id = load_relaxed(&ring[at].id);
		uint32_t len = load_relaxed(&ring[at].len);

		if ((flags & VRING_PACKED_STATE) != used) {
			run->odd = false;
			return;
		}
		if (unlikely(id >= size || (traits.in_order && id != vq->avail_shadow[at])))
			return;
		mbufs[i] = run_take(&slots[id], len, least);
		if (unlikely(!mbufs[i]))
			return;
		prefetch_to_write(mbufs[i]);
		run->ids[i] = id;
		run->lens[i] = len;
		run->nb++;
		if (unlikely(++at == size)) {
			at = 0;
			used ^= VRING_PACKED_STATE;
		}
	}
	run->odd = false;
}

/* The same in a packed ring used in order, where one descriptor may tell of a batch: it names the
 * last, and those before it are used as a whole (virtio 1.2, 2.8.8). */
static ALWAYS_INLINE void run_take_batches(
        struct virtqueue *vq, struct used_run *run, struct mbuf **mbufs, uint16_t n, uint32_t least)
{
	const struct vring_packed_desc *ring = vq->packed;
	struct virtqueue_slot *slots = vq->slots;
	const uint16_t size = vq->size, *shadow = vq->avail_shadow;
	uint16_t at = vq->used_cons, used = vring_packed_used(vq->used_wrap);

	for (uint16_t i = 0; i < n; i++) {
		uint16_t id = shadow[at];

		if (!vq->batch_open) {
			/* acquire pairs with the device's release of flags after it wrote the rest
			 */
			uint16_t flags = load_acquire(&ring[at].flags);
			uint16_t last = load_relaxed(&ring[at].id);

			if ((flags & VRING_PACKED_STATE) != used)
				break;
			if (unlikely(last >= size || !slots[last].mbuf))
				return;
			vq->batch_open = 1;
			vq->batch_last = last;
			vq->batch_len = load_relaxed(&ring[at].len);
		}
		run->lens[i] = id == vq->batch_last ? vq->batch_len : slots[id].len;
		mbufs[i] = run_take(&slots[id], run->lens[i], least);
		if (unlikely(!mbufs[i]))
			return;
		prefetch_to_write(mbufs[i]);
		if (id == vq->batch_last)
			vq->batch_open = 0;
		run->ids[i] = id;
		run->nb++;
		if (unlikely(++at == size)) {
			at = 0;
			used ^= VRING_PACKED_STATE;
		}
	}
	run->odd = false;
}

/* Take what was used next, n at most, each with `least` bytes at least. */
static ALWAYS_INLINE void run_begin(struct virtqueue *vq, struct used_run *run, struct mbuf **mbufs,
        uint16_t n, uint32_t least, const struct run_traits traits)
{
	run->nb = 0;
	run->odd = true;
	if (traits.packed && traits.in_order && traits.whole) {
		run_take_batches(vq, run, mbufs, n, least);
		return;
	}
	if (traits.in_order && unlikely(vq->batch_open))
		return;
	if (traits.packed)
		run_take_packed(vq, run, mbufs, n, least, traits);
	else
		run_take_split(vq, run, mbufs, n, least, traits);
}

/* Keep the first `nb` of the run; the others are as if they had not been looked at. */
static ALWAYS_INLINE void run_end(struct virtqueue *vq, const struct used_run *run,
        struct mbuf **mbufs, uint16_t nb, const struct run_traits traits)
{
	const uint16_t mask = vq->id_mask;
	uint16_t *free_ids = vq->free_ids, tail = vq->free_tail;

	for (uint16_t i = nb; unlikely(i < run->nb); i++)
		vq->slots[run->ids[i]].mbuf = mbufs[i];
	for (uint16_t i = 0; i < nb; i++)
		free_ids[tail++ & mask] = run->ids[i];
	vq->free_tail = tail;
	if (traits.packed)
		packed_skip(vq, nb);
	else
		vq->used_cons = (uint16_t)(vq->used_cons + nb);
}

/* Receive a run of packets of one buffer each: how many. `odd` tells that what comes then is not
 * so.
 */
static ALWAYS_INLINE uint16_t run_recv(struct virtqueue *vq, struct mbuf **pkts, uint16_t n,
        struct stats_run *stats, bool *odd, const bool mergeable, const struct run_traits traits)
{
	const uint16_t hdr_size = vq->hdr_size, port_id = vq->port_id;
	const uint16_t offloads = load_relaxed(&vq->offloads);
	const uint16_t data_off = (uint16_t)(VIRTQUEUE_RX_OFFSET + hdr_size);
	struct used_run run;
	uint16_t i;

	run_begin(vq, &run, pkts, min_of(n, (uint16_t)RUN_MAX), (uint32_t)hdr_size + MIN_FRAME,
	        traits);
	*odd = run.odd;
	for (i = 0; i < run.nb; i++)
		prefetch(pkts[i]->buf_addr + VIRTQUEUE_RX_OFFSET);
	for (i = 0; i < run.nb; i++) {
		struct mbuf *m = pkts[i];
		const struct virtio_net_hdr *hdr = (void *)(m->buf_addr + VIRTQUEUE_RX_OFFSET);

		if (mergeable && unlikely(load_relaxed(&hdr->num_buffers) != 1)) {
			*odd = true;
			break;
		}
		mbuf_set(m, data_off, (uint16_t)(run.lens[i] - hdr_size), port_id);
		if (unlikely(offloads))
			virtio_rx_offload(vq, m);
		stats_add(&vq->stats, stats, m->pkt_len, mbuf_data(m));
	}
	run_end(vq, &run, pkts, i, traits);
	return i;
}

/* Take back a run of packets that were sent, n at most: how many. */
static ALWAYS_INLINE uint16_t run_reclaim(
        struct virtqueue *vq, uint16_t n, bool *odd, const struct run_traits traits)
{
	struct mbuf *done[RUN_MAX];
	struct used_run run;

	run_begin(vq, &run, done, min_of(n, (uint16_t)RUN_MAX), 0, traits);
	run_end(vq, &run, done, run.nb, traits);
	mbuf_free_bulk(done, run.nb);
	*odd = run.odd;
	return run.nb;
}

/* Take back what the device has sent. */
static ALWAYS_INLINE void reclaim(struct virtqueue *vq, const struct run_traits traits)
{
	uint16_t left = traits.packed ? UINT16_MAX : virtqueue_nb_used(vq, UINT16_MAX), got;
	bool odd;

	do {
		got = run_reclaim(vq, left, &odd, traits);
		left = (uint16_t)(left - (traits.packed ? 0 : got));
	} while (got == RUN_MAX);
	if (likely(!odd))
		return;
	if (traits.packed)
		packed_reclaim(vq, (struct packed_traits){.in_order = traits.in_order});
	else
		reclaim_split(vq, (struct split_traits){.in_order = traits.in_order});
}

#endif
