#ifndef VHOST_RING_H
#define VHOST_RING_H
#include "drivers/vhost/ring_packed.h"
#include "drivers/vhost/ring_split.h"
#include "drivers/vhost/track.h"

/* C only */

/* The verbs of a device's ring, whatever its layout: what waits, look at it, use it up, say so.
 * dequeue.c and enqueue.c are written in them; `packed` is a constant there, so each burst is made
 * of one layout's verbs alone.
 *
 * The front-end can write every byte of what is read here, at any moment; each field is read once,
 * into a local. */

/* Whether the ring may be looked at, even at its layout. */
static ALWAYS_INLINE bool ring_is_live(const struct vhost_virtqueue *vq)
{
	return likely(load_acquire(&vq->enabled) && !vq->fault && !vq->memory->dead);
}

/* Look at the chains that wait, n at most and no more than `waiting`: how many were found. `kind`
 * is VRING_DESC_F_WRITE or 0, which every buffer of theirs must have. */
static ALWAYS_INLINE uint16_t ring_look(struct vhost_virtqueue *vq, struct look *looks, uint16_t n,
        uint16_t waiting, uint16_t kind, const bool packed)
{
	return packed ? packed_look(vq, looks, n, kind)
	              : split_look(vq, looks, min_of(n, waiting), kind);
}

/* Chains that wait, as far as that is known before they are looked at: when they are fewer than
 * `wanted`, all. */
static ALWAYS_INLINE uint16_t ring_waiting(
        struct vhost_virtqueue *vq, uint16_t wanted, const bool packed)
{
	return packed ? vq->size : split_waiting(vq, wanted);
}

/* Use up a chain, of which `len` bytes were written. */
static ALWAYS_INLINE void ring_use(struct vhost_virtqueue *vq, struct used_batch *batch,
        const struct look *look, uint32_t len, const bool packed)
{
	if (packed)
		packed_use(vq, batch, look, len);
	else
		split_use(vq, look->id, len);
	batch->nb++;
}

/* A chain that cannot be: it is used up with length 0. */
static inline void ring_count_bad(struct vhost_virtqueue *vq, enum vhost_bad_chain why)
{
	vq->bad_chain = why;
	vq->bad_chains++;
}

static ALWAYS_INLINE bool ring_wants_call(const struct vhost_virtqueue *vq, const bool packed)
{
	return packed ? packed_wants_call(vq) : split_wants_call(vq);
}

static NOINLINE void ring_call(struct vhost_virtqueue *vq)
{
	vq->unsettled = 0;
	vq->calls++;
	eventfd_notify(vq->call_fd);
}

/* Show the driver what was used up, and call it if it wants that. */
static ALWAYS_INLINE void ring_publish(
        struct vhost_virtqueue *vq, struct used_batch *batch, const bool packed)
{
	if (unlikely(vq->tracked))
		track_publishing(vq, batch, packed);
	if (packed)
		packed_publish_used(vq, batch);
	else
		split_publish_used(vq);
	if (unlikely(vq->tracked))
		track_published(vq, batch, packed);
	vq->unsettled =
	        vring_unsettled(vq->unsettled, packed ? batch->nb_places : batch->nb, vq->size);
	if (likely(!ring_wants_call(vq, packed)))
		vq->calls_suppressed++;
	else
		ring_call(vq);
}

/* The ring is at rest: settle what was published (vring.h). */
static NOINLINE void ring_settle(struct vhost_virtqueue *vq)
{
	if (!vq->unsettled)
		return;
	/* pairs with the driver's fence between asking for a call and looking at the ring again */
	full_fence();
	if (unlikely(ring_wants_call(vq, vq->is_packed)))
		ring_call(vq);
	vq->unsettled = 0;
}

/* Whether a burst of nb packets has anything to do; one of none settles the ring. */
static ALWAYS_INLINE bool ring_may_burst(struct vhost_virtqueue *vq, uint16_t nb)
{
	if (unlikely(!ring_is_live(vq)))
		return false;
	if (unlikely(nb == 0))
		ring_settle(vq);
	return likely(nb != 0);
}

#endif
