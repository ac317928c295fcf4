#ifndef VHOST_RING_SPLIT_H
#define VHOST_RING_SPLIT_H
#include "drivers/vhost/look.h"

/* C only */

/* The verbs of a split ring (virtio 1.2, 2.7); ring.h says what they mean. */

/* Chains that wait: the driver's index is read again only when fewer than `wanted` are known of,
 * because its line comes from the driver's core each time. 0, and the fault, when the index says
 * more than the ring can hold. */
static ALWAYS_INLINE uint16_t split_waiting(struct vhost_virtqueue *vq, uint16_t wanted)
{
	uint16_t nb = (uint16_t)(vq->avail_seen - vq->last_avail);

	if (likely(nb >= wanted))
		return nb;
	/* acquire pairs with the driver's release of avail.idx: descriptors before it are whole */
	vq->avail_seen = load_acquire(&vq->avail->idx);
	nb = (uint16_t)(vq->avail_seen - vq->last_avail);
	if (unlikely(nb > vq->size)) {
		vq->avail_seen = vq->last_avail;
		store_relaxed(&vq->fault, (uint32_t)VRING_BAD_INDEX);
		return 0;
	}
	return nb;
}

static ALWAYS_INLINE uint16_t split_head(const struct vhost_virtqueue *vq, uint16_t ahead)
{
	return load_relaxed(&vq->avail->ring[(uint16_t)(vq->last_avail + ahead) & (vq->size - 1)]);
}

static ALWAYS_INLINE uint16_t split_look(
        struct vhost_virtqueue *vq, struct look *looks, uint16_t n, uint16_t kind)
{
	for (uint16_t i = 0; i < n; i++) {
		struct look *look = &looks[i];
		const struct vring_desc *desc;

		look->id = split_head(vq, i);
		look->at = NULL;
		if (unlikely(look->id >= vq->size))
			continue;
		desc = &vq->desc[look->id];
		if (likely(load_relaxed(&desc->flags) == kind))
			look_at_buffer(vq, load_relaxed(&desc->addr), load_relaxed(&desc->len),
			        kind & VRING_DESC_F_WRITE, look);
	}
	return n;
}

/* An element that says already what it should is not written: in a steady flow it then stays in the
 * driver's cache. */
static ALWAYS_INLINE void split_use(struct vhost_virtqueue *vq, uint16_t id, uint32_t len)
{
	uint16_t slot = vq->used_idx++ & (vq->size - 1);
	uint64_t elem = id | (uint64_t)len << 32;

	if (unlikely(vq->used_shadow[slot] != elem)) {
		vq->used_shadow[slot] = elem;
		memcpy(&vq->used->ring[slot], &elem, sizeof(elem));
	}
	vq->last_avail++;
}

static ALWAYS_INLINE void split_publish_used(struct vhost_virtqueue *vq)
{
	/* release pairs with the driver's acquire of used.idx: elements and buffers before it are
	 * whole */
	store_release(&vq->used->idx, vq->used_idx);
}

/* Whether the driver wants to be told of what is unsettled. */
static ALWAYS_INLINE bool split_wants_call(const struct vhost_virtqueue *vq)
{
	if (vq->event_idx)
		return vring_need_event(vring_used_event(vq->avail, vq->size), vq->used_idx,
		        (uint16_t)(vq->used_idx - vq->unsettled));
	return !(load_relaxed(&vq->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

#endif
