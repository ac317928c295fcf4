/* Receive interrupts, as the device asks the driver for them: its kicks, virtio 1.2, 2.7.10 and
 * 2.8.10.
 *
 * First it is said that a kick is wanted, then the ring is looked at once more. The full fence
 * pairs with the driver's own, between its store of the available index (or of a descriptor's
 * flags) and its last look at the wish, when its queue settles (vring.h): one of the two always
 * sees the other. */
#include "drivers/vhost/ring.h"

static uint16_t *avail_event(struct vhost_virtqueue *vq)
{
	return (uint16_t *)(void *)&vq->used->ring[vq->size];
}

static bool split_enable(struct vhost_virtqueue *vq)
{
	if (vq->event_idx)
		store_relaxed(avail_event(vq), vq->last_avail);
	else
		store_relaxed(&vq->used->flags, 0);
	full_fence();
	return load_relaxed(&vq->avail->idx) != vq->last_avail;
}

static bool packed_enable(struct vhost_virtqueue *vq)
{
	uint16_t wish = VRING_PACKED_EVENT_ENABLE;

	if (vq->event_idx) {
		store_relaxed(
		        &vq->device_event->off_wrap, (uint16_t)(vq->last_avail | vq->wrap << 15));
		wish = VRING_PACKED_EVENT_DESC;
	}
	/* release pairs with the driver's acquire of flags: it sees the place that goes with DESC
	 */
	store_release(&vq->device_event->flags, wish);
	full_fence();
	return packed_is_avail(load_relaxed(&vq->packed[vq->last_avail].flags), vq->wrap);
}

bool vhost_intr_enable(void *queue)
{
	struct vhost_virtqueue *vq = queue;

	bool has_work;

	if (!ring_is_live(vq))
		return false;
	has_work = vq->is_packed ? packed_enable(vq) : split_enable(vq);
	if (unlikely(vq->tracked))
		track_wishes(vq);
	return has_work || vq->no_kicks;
}

void vhost_intr_disable(void *queue)
{
	struct vhost_virtqueue *vq = queue;

	if (!ring_is_live(vq))
		return;
	if (vq->is_packed)
		store_relaxed(&vq->device_event->flags, VRING_PACKED_EVENT_DISABLE);
	else if (vq->event_idx)
		/* an event that lies behind asks for nothing (virtio 1.2, 2.7.10.1) */
		store_relaxed(avail_event(vq), (uint16_t)(vq->last_avail - 1));
	else
		store_relaxed(&vq->used->flags, VRING_USED_F_NO_NOTIFY);
	if (unlikely(vq->tracked))
		track_wishes(vq);
}
