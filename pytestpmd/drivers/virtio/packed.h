#ifndef VIRTIO_PACKED_H
#define VIRTIO_PACKED_H
#include "drivers/virtio/rxtx.h"

/* The verbs of a packed virtqueue, as virtqueue_reset and virtqueue_refill are those of a split
 * one. virtqueue_drain serves both. */
void packed_reset(struct virtqueue *vq);
uint16_t packed_refill(struct virtqueue *vq);

/* Rx and Tx callbacks of packed rings; `queue` is a struct virtqueue. */
uint16_t virtio_recv_pkts_packed(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_mergeable_pkts_packed(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_pkts_packed_inorder(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_mergeable_pkts_packed_inorder(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_xmit_pkts_packed(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_xmit_pkts_packed_inorder(void *queue, struct mbuf **pkts, uint16_t nb);

/* The same for packets of one buffer, several at a time, over rings that are used in order: with
 * the vectors that every machine of the kind has, with 256 bits and with 512 (lcore_simd_width). */
uint16_t virtio_recv_pkts_packed_vec(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_pkts_packed_vec_256(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_recv_pkts_packed_vec_512(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_xmit_pkts_packed_vec(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_xmit_pkts_packed_vec_256(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t virtio_xmit_pkts_packed_vec_512(void *queue, struct mbuf **pkts, uint16_t nb);

/* C only */

#define PACKED_PENDING 64

/* Descriptors on their way to the device. The device waits at the first of them, so it sees none
 * before that one's flags are written, and that is done last: a burst becomes visible as a whole.
 * The others are held back too, and then written from the last to the first, because the device
 * keeps reading the line of the first: written one by one in ring order, that line would go to and
 * fro between the cores with each of them. */
struct packed_batch {
	struct vring_packed_desc first;
	struct vring_packed_desc pending[PACKED_PENDING];
	uint16_t place;      /* of the first */
	uint16_t next_place; /* of the first that is pending */
	uint16_t nb_pending;
	uint16_t nb; /* in all */
};

static ALWAYS_INLINE void packed_batch_begin(struct virtqueue *vq, struct packed_batch *batch)
{
	batch->place = vq->avail_idx;
	batch->nb_pending = 0;
	batch->nb = 0;
}

/* Write those behind the first, from the last on. They are no more than the ring has places, unless
 * the device says that it used what it was not shown yet. */
static ALWAYS_INLINE void packed_batch_flush(struct virtqueue *vq, struct packed_batch *batch)
{
	uint32_t place = (uint32_t)batch->next_place + batch->nb_pending;

	while (unlikely(place > vq->size))
		place -= vq->size;
	for (uint16_t i = batch->nb_pending; i-- > 0;) {
		place = (likely(place) ? place : vq->size) - 1;
		vq->packed[place] = batch->pending[i];
	}
	batch->nb_pending = 0;
}

/* The next descriptor of the ring. */
static ALWAYS_INLINE void packed_put(struct virtqueue *vq, struct packed_batch *batch,
        const uint8_t *at, uint32_t len, uint16_t id, uint16_t flags)
{
	struct vring_packed_desc desc = {iova_of(vq->iova, at), len, id,
	        (uint16_t)(flags | vring_packed_avail(vq->avail_wrap))};

	if (batch->nb++ == 0) {
		batch->first = desc;
	} else {
		if (unlikely(batch->nb_pending == PACKED_PENDING))
			packed_batch_flush(vq, batch);
		if (batch->nb_pending == 0)
			batch->next_place = vq->avail_idx;
		batch->pending[batch->nb_pending++] = desc;
	}
	vq->nb_places--;
	if (unlikely(++vq->avail_idx == vq->size)) {
		vq->avail_idx = 0;
		vq->avail_wrap ^= 1;
	}
}

/* Descriptors for the next places, each ready but for whose it is: the first of them, at most a
 * ring's length. */
struct packed_run {
	struct vring_packed_desc descs[PACKED_PENDING];
	uint16_t nb;
};

static ALWAYS_INLINE void packed_run_add(
        struct packed_run *run, uint64_t addr, uint32_t len, uint16_t id, uint16_t flags)
{
	run->descs[run->nb++] = (struct vring_packed_desc){addr, len, id, flags};
}

/* Put them all into the batch; again from the last on. */
static ALWAYS_INLINE void packed_put_run(
        struct virtqueue *vq, struct packed_batch *batch, struct packed_run *run)
{
	const uint16_t from = vq->avail_idx, to_end = (uint16_t)(vq->size - from);
	const uint16_t avail = vring_packed_avail(vq->avail_wrap);
	const bool begins = batch->nb == 0;

	for (uint16_t i = run->nb; i-- > 0;) {
		struct vring_packed_desc desc = run->descs[i];
		bool over = i >= to_end;

		desc.flags |= over ? avail ^ VRING_PACKED_STATE : avail;
		if (i == 0 && begins)
			batch->first = desc;
		else
			vq->packed[over ? i - to_end : from + i] = desc;
	}
	batch->nb = (uint16_t)(batch->nb + run->nb);
	vq->nb_places = (uint16_t)(vq->nb_places - run->nb);
	vq->avail_idx =
	        run->nb >= to_end ? (uint16_t)(run->nb - to_end) : (uint16_t)(from + run->nb);
	vq->avail_wrap ^= run->nb >= to_end;
}

/* Whether the descriptor `ahead` of the next one, not further than the ring is long, was used. */
static ALWAYS_INLINE bool packed_is_used(const struct virtqueue *vq, uint16_t ahead)
{
	uint32_t at = (uint32_t)vq->used_cons + ahead;
	bool wrap = vq->used_wrap;

	if (unlikely(at >= vq->size)) {
		at -= vq->size;
		wrap = !wrap;
	}
	/* acquire pairs with the device's release of flags after it wrote id, len and buffer */
	return (load_acquire(&vq->packed[at].flags) & VRING_PACKED_STATE) ==
	       vring_packed_used(wrap);
}

/* Leave `nb_descs` of the ring behind: they may be written again. */
static ALWAYS_INLINE void packed_skip(struct virtqueue *vq, uint16_t nb_descs)
{
	uint32_t at = (uint32_t)vq->used_cons + nb_descs;

	if (unlikely(at >= vq->size)) {
		at -= vq->size;
		vq->used_wrap ^= 1;
	}
	vq->used_cons = (uint16_t)at;
	vq->nb_places += nb_descs;
}

/* Show the batch to the device, and kick it if it wants that. */
void packed_publish(struct virtqueue *vq, struct packed_batch *batch);

struct packed_traits {
	bool mergeable;
	bool in_order;
};

/* A used buffer that was found good. */
struct packed_used {
	struct mbuf *m;
	uint32_t len;
	uint16_t id;
};

/* What the next used descriptor says, if there is one and it can be. */
static ALWAYS_INLINE bool packed_read_used(struct virtqueue *vq, uint16_t *id, uint32_t *len)
{
	const struct vring_packed_desc *desc = &vq->packed[vq->used_cons];

	if (!packed_is_used(vq, 0))
		return false;
	*id = load_relaxed(&desc->id);
	*len = load_relaxed(&desc->len);
	if (unlikely(*id >= vq->size || !vq->slots[*id].mbuf)) {
		virtqueue_fault(vq, VRING_BAD_ID);
		return false;
	}
	return true;
}

/* The next used buffer, without taking it: of the batch that one used descriptor told of, or of a
 * descriptor of its own. It must hold `least` bytes at least. */
static ALWAYS_INLINE bool packed_next_used(struct virtqueue *vq, uint16_t least,
        struct packed_used *buffer, const struct packed_traits traits)
{
	if (!traits.in_order || !vq->batch_open) {
		if (!packed_read_used(vq, &buffer->id, &buffer->len))
			return false;
		if (traits.in_order) {
			vq->batch_open = 1;
			vq->batch_last = buffer->id;
			vq->batch_len = buffer->len;
		}
	}
	if (traits.in_order) {
		buffer->id = vq->avail_shadow[vq->used_cons];
		buffer->len =
		        buffer->id == vq->batch_last ? vq->batch_len : vq->slots[buffer->id].len;
	}
	if (unlikely(buffer->len < least || buffer->len > vq->slots[buffer->id].len)) {
		virtqueue_fault(vq, VRING_BAD_LENGTH);
		return false;
	}
	buffer->m = vq->slots[buffer->id].mbuf;
	return true;
}

static ALWAYS_INLINE void packed_take_used(
        struct virtqueue *vq, const struct packed_used *buffer, const struct packed_traits traits)
{
	struct virtqueue_slot *slot = &vq->slots[buffer->id];

	slot->mbuf = NULL;
	packed_skip(vq, slot->nb_descs);
	virtqueue_give_id(vq, buffer->id);
	if (traits.in_order && buffer->id == vq->batch_last)
		vq->batch_open = 0;
}

static ALWAYS_INLINE void packed_prefetch_used(const struct virtqueue *vq, uint16_t ahead)
{
	uint32_t at = (uint32_t)vq->used_cons + ahead;
	const struct mbuf *m;

	if (unlikely(at >= vq->size)) {
		at -= vq->size;
		if (at >= vq->size)
			return; /* there are not so many places */
	}
	m = vq->slots[vq->avail_shadow[at]].mbuf;
	if (likely(m))
		prefetch(m->buf_addr + VIRTQUEUE_RX_OFFSET);
}

/* Take back what the device has sent. */
static ALWAYS_INLINE void packed_reclaim(struct virtqueue *vq, const struct packed_traits traits)
{
	struct packed_used buffer;
	struct mbuf *done[64];
	uint16_t nb_done = 0;

	while (packed_next_used(vq, 0, &buffer, traits)) {
		packed_take_used(vq, &buffer, traits);
		done[nb_done++] = buffer.m;
		if (nb_done == 64) {
			mbuf_free_bulk(done, nb_done);
			nb_done = 0;
		}
	}
	mbuf_free_bulk(done, nb_done);
}

/* The usual packet: one segment, header and data in one descriptor. */
static ALWAYS_INLINE void packed_xmit_one(
        struct virtqueue *vq, struct packed_batch *batch, struct mbuf *m)
{
	uint16_t id = virtqueue_take_id(vq);

	vq->slots[id] = (struct virtqueue_slot){.mbuf = m,
	        .nb_descs = 1,
	        .len = UINT32_MAX}; /* used lengths say nothing on transmit */
	vq->avail_shadow[vq->avail_idx] = id;
	packed_put(vq, batch, push_header(vq, m), (uint32_t)m->data_len + vq->hdr_size, id, 0);
}

#endif
