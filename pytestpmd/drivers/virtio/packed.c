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

/* Post n buffers, for which there are places. */
static void post_buffers(
        struct virtqueue *vq, struct packed_batch *batch, struct mbuf **mbufs, uint16_t n)
{
	const uint32_t len = (uint32_t)vq->pool->buf_len - VIRTQUEUE_RX_OFFSET;
	const struct iova_map *iova = vq->iova;
	struct packed_run run;
	uint16_t at = vq->avail_idx;

	run.nb = 0;
	for (uint16_t i = 0; i < n; i++)
		prefetch(mbufs[i]);
	for (uint16_t i = 0; i < n; i++) {
		uint16_t id = virtqueue_take_id(vq);

		vq->slots[id] =
		        (struct virtqueue_slot){.mbuf = mbufs[i], .nb_descs = 1, .len = len};
		vq->avail_shadow[at] = id;
		at = at + 1 == vq->size ? 0 : (uint16_t)(at + 1);
		packed_run_add(&run, iova_of(iova, mbufs[i]->buf_addr + VIRTQUEUE_RX_OFFSET), len,
		        id, VRING_DESC_F_WRITE);
	}
	packed_put_run(vq, batch, &run);
}

uint16_t packed_refill(struct virtqueue *vq)
{
	struct packed_batch batch;
	struct mbuf *fresh[PACKED_PENDING];

	packed_batch_begin(vq, &batch);
	while (vq->nb_places) {
		uint16_t wanted = min_of(vq->nb_places, (uint16_t)PACKED_PENDING);
		uint16_t n = mempool_get_some(vq->pool, fresh, wanted);

		if (unlikely(n == 0)) {
			vq->stats.nombuf += wanted;
			break;
		}
		post_buffers(vq, &batch, fresh, n);
	}
	if (batch.nb)
		packed_publish(vq, &batch);
	return batch.nb;
}
