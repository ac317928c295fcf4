#ifndef VHOST_RING_PACKED_H
#define VHOST_RING_PACKED_H
#include "drivers/vhost/track.h"

/* C only */

/* The verbs of a packed ring (virtio 1.2, 2.8); ring.h says what they mean. Chains are used up in
 * the order in which they came, so the place of the next used descriptor is that of the next
 * available one. */

/* Whether a descriptor is the driver's no more: its bits as they are on the lap that `wrap` tells.
 */
static ALWAYS_INLINE bool packed_is_avail(uint16_t flags, bool wrap)
{
	return (flags & VRING_PACKED_STATE) == vring_packed_avail(wrap);
}

/* A place further on, at most a ring's length, and the wrap counter there. */
static ALWAYS_INLINE uint16_t packed_forward(
        const struct vhost_virtqueue *vq, uint16_t place, uint16_t by, bool *wrap)
{
	uint32_t at = (uint32_t)place + by;

	if (likely(at < vq->size))
		return (uint16_t)at;
	*wrap = !*wrap;
	return (uint16_t)(at - vq->size);
}

/* Chains of one descriptor are looked at one after the other; how long any other is shows only when
 * it is walked along, so it is the last that is found. */
static ALWAYS_INLINE uint16_t packed_look(
        struct vhost_virtqueue *vq, struct look *looks, uint16_t n, uint16_t kind)
{
	uint16_t place = vq->last_avail, i = 0;
	bool wrap = vq->wrap;

	while (i < n) {
		const struct vring_packed_desc *desc = &vq->packed[place];
		struct look *look = &looks[i];
		/* acquire pairs with the driver's release of flags: the descriptor is whole */
		uint16_t flags = load_acquire(&desc->flags);

		if (!packed_is_avail(flags, wrap))
			break;
		i++;
		look->at = NULL;
		look->id = load_relaxed(&desc->id);
		look->at_place = place;
		look->nb_places = 1;
		if (unlikely(flags & VRING_DESC_F_NEXT))
			break;
		if (likely((flags & (VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)) == kind))
			look_at_buffer(vq, load_relaxed(&desc->addr), load_relaxed(&desc->len),
			        kind & VRING_DESC_F_WRITE, look);
		place = packed_forward(vq, place, 1, &wrap);
	}
	return i;
}

/* Length, id and flags of a used descriptor: the second half of it, in one store. The length counts
 * only where WRITE says that something was written (virtio 1.2, 2.8.4). */
static ALWAYS_INLINE void packed_write_used(
        struct vhost_virtqueue *vq, uint16_t place, uint64_t word)
{
	__atomic_store_n((uint64_t *)(void *)&vq->packed[place].len, word, __ATOMIC_RELEASE);
}

static ALWAYS_INLINE uint64_t packed_used_word(uint16_t id, uint32_t len, bool wrap)
{
	uint16_t flags = vring_packed_used(wrap) | (len ? VRING_DESC_F_WRITE : 0);

	return len | (uint64_t)id << 32 | (uint64_t)flags << 48;
}

static ALWAYS_INLINE void packed_flush_used(struct vhost_virtqueue *vq, struct used_batch *batch)
{
	while (batch->nb_pending) {
		batch->nb_pending--;
		packed_write_used(
		        vq, batch->places[batch->nb_pending], batch->pending[batch->nb_pending]);
	}
}

/* The first descriptor of a burst is written last, so that the driver sees all or none; the others
 * are held back until then as well, because the driver keeps reading the line of the first. With
 * IN_ORDER the others need not be written at all where their length says nothing: the driver finds
 * the last one's id in the first one's place (virtio 1.2, 2.8.8). */
static ALWAYS_INLINE void packed_use(
        struct vhost_virtqueue *vq, struct used_batch *batch, const struct look *look, uint32_t len)
{
	uint64_t word = packed_used_word(look->id, len, vq->wrap);
	bool wrap = vq->wrap;

	if (batch->nb == 0) {
		batch->first = vq->last_avail;
		batch->first_wrap = vq->wrap;
		batch->first_word = word;
	} else if (!batch->skip) {
		if (unlikely(batch->nb_pending == USED_PENDING)) {
			if (unlikely(vq->tracked))
				track_flushing(vq, batch);
			packed_flush_used(vq, batch);
		}
		batch->places[batch->nb_pending] = vq->last_avail;
		batch->pending[batch->nb_pending++] = word;
	}
	batch->last_id = look->id;
	batch->nb_places += look->nb_places;
	vq->last_avail = packed_forward(vq, vq->last_avail, look->nb_places, &wrap);
	vq->used_idx = vq->last_avail;
	vq->wrap = wrap;
}

static ALWAYS_INLINE void packed_publish_used(struct vhost_virtqueue *vq, struct used_batch *batch)
{
	uint64_t word = batch->skip ? packed_used_word(batch->last_id, 0, batch->first_wrap)
	                            : batch->first_word;

	packed_flush_used(vq, batch);
	packed_write_used(vq, batch->first, word);
}

/* Whether the driver wants to be told of what is unsettled. */
static ALWAYS_INLINE bool packed_wants_call(const struct vhost_virtqueue *vq)
{
	return vring_packed_need_event(
	        vq->driver_event, vq->event_idx, vq->last_avail, vq->wrap, vq->unsettled, vq->size);
}

#endif
