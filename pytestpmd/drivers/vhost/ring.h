#ifndef VHOST_RING_H
#define VHOST_RING_H
#include "drivers/vhost/vhost.h"

/* C only */

/* What both directions do with a split ring: look at chains, use them up, say so. The front-end can
 * write every byte of what is read here, at any moment; each field is read once, into a local. */

#define CHUNK 32

/* A chain as the first look found it. */
struct look {
	uint8_t *at;   /* the first buffer, when the chain is just that; else NULL */
	uint64_t room; /* mapped bytes from there on */
	uint32_t len;  /* bytes of the buffer */
	uint16_t head;
};

/* Chains that wait; 0, and the fault, when the index says more than the ring can hold. */
static ALWAYS_INLINE uint16_t nb_waiting(struct vhost_virtqueue *vq)
{
	uint16_t nb;

	if (unlikely(!load_acquire(&vq->enabled) || vq->fault || vq->memory->dead))
		return 0;
	/* acquire pairs with the driver's release of avail.idx: descriptors before it are whole */
	nb = (uint16_t)(load_acquire(&vq->avail->idx) - vq->last_avail);
	if (unlikely(nb > vq->size)) {
		store_relaxed(&vq->fault, (uint32_t)VRING_BAD_INDEX);
		return 0;
	}
	return nb;
}

static ALWAYS_INLINE uint16_t head_at(const struct vhost_virtqueue *vq, uint16_t ahead)
{
	return load_relaxed(&vq->avail->ring[(uint16_t)(vq->last_avail + ahead) & (vq->size - 1)]);
}

static ALWAYS_INLINE struct vring_desc read_desc(const struct vring_desc *desc)
{
	return (struct vring_desc){load_relaxed(&desc->addr), load_relaxed(&desc->len),
	        load_relaxed(&desc->flags), load_relaxed(&desc->next)};
}

/* Say that a chain was used. An element that says already what it should is not written: in a
 * steady flow it then stays in the driver's cache. */
static ALWAYS_INLINE void use_chain(struct vhost_virtqueue *vq, uint16_t head, uint32_t len)
{
	uint16_t slot = vq->used_idx++ & (vq->size - 1);
	uint64_t elem = head | (uint64_t)len << 32;

	if (unlikely(vq->used_shadow[slot] != elem)) {
		vq->used_shadow[slot] = elem;
		memcpy(&vq->used->ring[slot], &elem, sizeof(elem));
	}
	vq->last_avail++;
}

static inline void use_bad_chain(struct vhost_virtqueue *vq, uint16_t head)
{
	vq->bad_chains++;
	vq->stats.errors++;
	use_chain(vq, head, 0);
}

static ALWAYS_INLINE void publish_used(struct vhost_virtqueue *vq, uint16_t before)
{
	bool wanted;

	/* release pairs with the driver's acquire of used.idx: elements and buffers before it are
	 * whole */
	store_release(&vq->used->idx, vq->used_idx);
	/* pairs with the driver's fence between asking for a call and looking at idx again */
	full_fence();
	if (vq->event_idx)
		wanted = vring_need_event(
		        vring_used_event(vq->avail, vq->size), vq->used_idx, before);
	else
		wanted = !(load_relaxed(&vq->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	if (likely(!wanted)) {
		vq->calls_suppressed++;
		return;
	}
	vq->calls++;
	vring_notify(vq->call_fd);
}

/* Look at the chain `ahead`: a single plain buffer is translated and its first lines are fetched.
 */
static ALWAYS_INLINE void look_ahead(
        struct vhost_virtqueue *vq, uint16_t ahead, uint16_t kind, struct look *look)
{
	struct vring_desc desc;

	look->head = head_at(vq, ahead);
	look->at = NULL;
	if (unlikely(look->head >= vq->size))
		return;
	desc = read_desc(&vq->desc[look->head]);
	if (unlikely(desc.flags != kind))
		return;
	look->len = desc.len;
	look->at = vhost_translate(vq->memory, desc.addr, desc.len, &look->room);
	if (unlikely(!look->at))
		return;
	if (kind & VRING_DESC_F_WRITE) {
		prefetch_to_write(look->at);
		prefetch_to_write(look->at + CACHE_LINE);
	} else {
		prefetch(look->at);
		prefetch(look->at + CACHE_LINE);
	}
}

#endif
