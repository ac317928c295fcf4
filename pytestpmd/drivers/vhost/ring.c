/* What Python does to a ring that the data plane serves: begin, let go. */
#include "drivers/vhost/track.h"

/* We poll, so no kick is wanted. */

static void start_split(struct vhost_virtqueue *vq, uint16_t index)
{
	vq->last_avail = index;
	vq->avail_seen = index;
	vq->used_idx = index;
	memset(vq->used_shadow, 0xff, vq->size * sizeof(*vq->used_shadow));
	/* with EVENT_IDX an event that lies behind says so (virtio 1.2, 2.7.10.1) */
	store_relaxed(&vq->used->flags, vq->event_idx ? 0 : VRING_USED_F_NO_NOTIFY);
	if (vq->event_idx)
		store_relaxed((uint16_t *)(void *)&vq->used->ring[vq->size], (uint16_t)(index - 1));
}

static void start_packed(struct vhost_virtqueue *vq, uint16_t index)
{
	uint16_t place = index & 0x7fff;

	/* a place beyond the ring is no place; the first is as good as any */
	vq->last_avail = place < vq->size ? place : 0;
	vq->used_idx = vq->last_avail;
	vq->wrap = index >> 15;
	store_relaxed(&vq->device_event->flags, VRING_PACKED_EVENT_DISABLE);
}

void vhost_virtqueue_start(struct vhost_virtqueue *vq, uint16_t index)
{
	vq->fault = VRING_OK;
	vq->unsettled = 0;
	if (vq->is_packed)
		start_packed(vq, index);
	else
		start_split(vq, index);
	if (vq->tracked)
		track_wishes(vq);
}

uint16_t vhost_virtqueue_index(const struct vhost_virtqueue *vq)
{
	return vq->is_packed ? (uint16_t)(vq->last_avail | vq->wrap << 15) : vq->last_avail;
}

void vhost_virtqueue_enable(struct vhost_virtqueue *vq, bool on)
{
	/* release pairs with the lcore's acquire of enabled: it sees the whole ring, or none */
	store_release(&vq->enabled, on);
}
