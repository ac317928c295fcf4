/* What Python does to a ring that the data plane serves: begin, let go. */
#include "drivers/vhost/vhost.h"

void vhost_virtqueue_start(struct vhost_virtqueue *vq, uint16_t index)
{
	vq->last_avail = index;
	vq->used_idx = index;
	vq->fault = VRING_OK;
	memset(vq->used_shadow, 0xff, vq->size * sizeof(*vq->used_shadow));
	/* We poll, so no kick is wanted; with EVENT_IDX an event that lies behind says so
	 * (virtio 1.2, 2.7.10.1). */
	store_relaxed(&vq->used->flags, vq->event_idx ? 0 : VRING_USED_F_NO_NOTIFY);
	if (vq->event_idx)
		store_relaxed((uint16_t *)(void *)&vq->used->ring[vq->size], (uint16_t)(index - 1));
}

void vhost_virtqueue_enable(struct vhost_virtqueue *vq, bool on)
{
	/* release pairs with the lcore's acquire of enabled: it sees the whole ring, or none */
	store_release(&vq->enabled, on);
}
