/* Receive interrupts, as the driver asks its device for them: virtio 1.2, 2.7.7 and 2.8.10.
 *
 * First it is said that a call is wanted, then the ring is looked at once more: what the device
 * used before it could see the wish would otherwise lie there until the next packet. The full fence
 * pairs with the device's own, between its store of the used index (or of a used descriptor's
 * flags) and its last look at the wish, when its queue settles (vring.h): one of the two always
 * sees the other. */
#include "drivers/virtio/packed.h"

static bool split_enable(struct virtqueue *vq)
{
	if (vq->event_idx)
		store_relaxed(&vq->avail->ring[vq->size], vq->used_cons);
	else
		store_relaxed(&vq->avail->flags, 0);
	full_fence();
	return load_relaxed(&vq->used->idx) != vq->used_cons;
}

static bool packed_enable(struct virtqueue *vq)
{
	uint16_t wish = VRING_PACKED_EVENT_ENABLE;

	if (vq->event_idx) {
		store_relaxed(&vq->driver_event->off_wrap,
		        (uint16_t)(vq->used_cons | vq->used_wrap << 15));
		wish = VRING_PACKED_EVENT_DESC;
	}
	/* release pairs with the device's acquire of flags: it sees the place that goes with DESC
	 */
	store_release(&vq->driver_event->flags, wish);
	full_fence();
	return vq->batch_open || packed_is_used(vq, 0);
}

bool virtqueue_intr_enable(void *queue)
{
	struct virtqueue *vq = queue;

	if (virtqueue_is_broken(vq))
		return false;
	return vq->packed ? packed_enable(vq) : split_enable(vq);
}

void virtqueue_intr_disable(void *queue)
{
	struct virtqueue *vq = queue;

	if (virtqueue_is_broken(vq))
		return;
	if (vq->packed)
		store_relaxed(&vq->driver_event->flags, VRING_PACKED_EVENT_DISABLE);
	else if (vq->event_idx)
		/* an event that lies behind asks for nothing (virtio 1.2, 2.7.7.1) */
		store_relaxed(&vq->avail->ring[vq->size], (uint16_t)(vq->used_cons - 1));
	else
		store_relaxed(&vq->avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
}
