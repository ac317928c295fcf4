/* The verbs of a packed virtqueue, as its driver speaks them (virtio 1.2, 2.8). */
#include "drivers/virtio/packed.h"

void packed_reset(struct virtqueue *vq)
{
	memset(vq->packed, 0, vq->size * sizeof(*vq->packed));
	memset(vq->slots, 0, vq->size * sizeof(*vq->slots));
	for (uint16_t i = 0; i < vq->size; i++)
		vq->free_ids[i] = i;
	vq->free_head = 0;
	vq->free_tail = vq->size;
	vq->avail_idx = 0;
	vq->used_cons = 0;
	vq->avail_wrap = 1;
	vq->used_wrap = 1;
	vq->nb_places = vq->size;
	vq->batch_open = 0;
	vq->unsettled = 0;
	*vq->driver_event =
	        (struct vring_packed_event){.flags = VRING_PACKED_EVENT_DISABLE}; /* we poll */
	/* what the last device wanted is not what the next one wants */
	*vq->device_event = (struct vring_packed_event){.flags = VRING_PACKED_EVENT_ENABLE};
}

void packed_publish(struct virtqueue *vq, struct packed_batch *batch)
{
	struct vring_packed_desc *first = &vq->packed[batch->place];

	packed_batch_flush(vq, batch);
	first->addr = batch->first.addr;
	first->len = batch->first.len;
	first->id = batch->first.id;
	/* release pairs with the device's acquire of flags: the whole batch is there */
	store_release(&first->flags, batch->first.flags);
	virtqueue_notify(vq, batch->nb);
}

static ALWAYS_INLINE void post_buffer(
        struct virtqueue *vq, struct packed_batch *batch, struct mbuf *m)
{
	uint16_t id = virtqueue_take_id(vq);
	struct virtqueue_slot *slot = &vq->slots[id];

	slot->mbuf = m;
	slot->nb_descs = 1;
	slot->len = (uint32_t)(m->buf_len - VIRTQUEUE_RX_OFFSET);
	vq->avail_shadow[vq->avail_idx] = id;
	packed_put(vq, batch, m->buf_addr + VIRTQUEUE_RX_OFFSET, slot->len, id, VRING_DESC_F_WRITE);
}

uint16_t packed_refill(struct virtqueue *vq)
{
	struct packed_batch batch;
	struct mbuf *fresh[64];

	packed_batch_begin(vq, &batch);
	while (vq->nb_places) {
		uint16_t wanted = min_of(vq->nb_places, (uint16_t)64);
		uint16_t n = mempool_get_some(vq->pool, fresh, wanted);

		if (unlikely(n == 0)) {
			vq->stats.nombuf += wanted;
			break;
		}
		for (uint16_t i = 0; i < n; i++)
			post_buffer(vq, &batch, fresh[i]);
	}
	if (batch.nb)
		packed_publish(vq, &batch);
	return batch.nb;
}
