/* The verbs of a split virtqueue, as its driver speaks them: reset, refill, publish, drain
 * (virtio 1.2, 2.7). */
#include "drivers/virtio/virtqueue.h"

void virtqueue_reset(struct virtqueue *vq)
{
	memset(vq->desc, 0, vq->size * sizeof(*vq->desc));
	memset(vq->avail, 0, sizeof(*vq->avail) + (vq->size + 1) * sizeof(uint16_t));
	memset(vq->used, 0, sizeof(*vq->used) + vq->size * sizeof(struct vring_used_elem) + 2);
	memset(vq->slots, 0, vq->size * sizeof(*vq->slots));
	memset(vq->avail_shadow, 0, vq->size * sizeof(uint16_t));
	for (uint16_t i = 0; i < vq->size; i++)
		vq->free_ids[i] = i;
	vq->free_head = 0;
	vq->free_tail = vq->size;
	vq->avail_idx = 0;
	vq->used_cons = 0;
	vq->used_seen = 0;
	vq->batch_open = 0;
	vq->unsettled = 0;
	/* We poll: with EVENT_IDX an event that lies behind says the same (virtio 1.2, 2.7.7.1). */
	vq->avail->flags = vq->event_idx ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
	if (vq->event_idx)
		vq->avail->ring[vq->size] = (uint16_t)(vq->used_cons - 1);
}

void virtqueue_halt(struct virtqueue *vq)
{
	store_release(&vq->fault, (uint32_t)VRING_HALTED);
}

void virtqueue_mend(struct virtqueue *vq)
{
	/* pairs with virtqueue_is_broken: a burst that sees no fault sees the ring made anew */
	store_release(&vq->fault, (uint32_t)VRING_OK);
}

bool virtqueue_inject(struct virtqueue *vq, tx_burst_t burst, struct mbuf *m)
{
	struct virtqueue ours = *vq;
	uint32_t fault;
	bool taken;

	/* the burst works on a copy, so that those of lcores find the queue halted all the while */
	ours.fault = VRING_OK;
	taken = burst(&ours, &m, 1) == 1;
	fault = ours.fault;
	ours.fault = VRING_HALTED;
	*vq = ours;
	store_release(&vq->fault, fault);
	return taken;
}

/* Whether the device wants to be told of what is unsettled. */
static bool wants_kick(const struct virtqueue *vq)
{
	if (vq->packed)
		return vring_packed_need_event(vq->device_event, vq->event_idx, vq->avail_idx,
		        vq->avail_wrap, vq->unsettled, vq->size);
	if (vq->event_idx)
		return vring_need_event(vring_avail_event(vq->used, vq->size), vq->avail_idx,
		        (uint16_t)(vq->avail_idx - vq->unsettled));
	return !(load_relaxed(&vq->used->flags) & VRING_USED_F_NO_NOTIFY);
}

static NOINLINE void kick(struct virtqueue *vq)
{
	vq->unsettled = 0;
	vq->kicks++;
	doorbell_ring(&vq->doorbell);
}

void virtqueue_notify(struct virtqueue *vq, uint16_t nb)
{
	vq->unsettled = vring_unsettled(vq->unsettled, nb, vq->size);
	if (likely(!wants_kick(vq)))
		vq->kicks_suppressed++;
	else
		kick(vq);
}

void virtqueue_settle(struct virtqueue *vq)
{
	if (!vq->unsettled)
		return;
	/* pairs with the device's own fence between asking for a kick and looking at the ring again
	 */
	full_fence();
	if (unlikely(wants_kick(vq)))
		kick(vq);
	vq->unsettled = 0;
}

void virtqueue_publish(struct virtqueue *vq, uint16_t before)
{
	/* release pairs with the device's acquire of avail.idx: it sees the descriptors that idx
	 * covers */
	store_release(&vq->avail->idx, vq->avail_idx);
	virtqueue_notify(vq, (uint16_t)(vq->avail_idx - before));
}

static ALWAYS_INLINE void post_buffer(struct virtqueue *vq, struct mbuf *m)
{
	uint16_t id = virtqueue_take_id(vq);
	struct vring_desc *desc = &vq->desc[id];
	struct virtqueue_slot *slot = &vq->slots[id];

	slot->mbuf = m;
	slot->nb_descs = 1;
	slot->len = (uint32_t)(m->buf_len - VIRTQUEUE_RX_OFFSET);
	desc->addr = iova_of(vq->iova, m->buf_addr + VIRTQUEUE_RX_OFFSET);
	desc->len = slot->len;
	desc->flags = VRING_DESC_F_WRITE;
	virtqueue_offer(vq, id);
}

uint16_t virtqueue_refill(struct virtqueue *vq)
{
	struct mbuf *fresh[64];
	uint16_t before = vq->avail_idx, done = 0, nb_free = virtqueue_nb_free(vq);

	while (done < nb_free) {
		uint16_t wanted = min_of((uint16_t)(nb_free - done), (uint16_t)64);
		uint16_t n = mempool_get_some(vq->pool, fresh, wanted);

		if (unlikely(n == 0)) {
			vq->stats.nombuf += wanted;
			break;
		}
		for (uint16_t i = 0; i < n; i++)
			prefetch_to_write(fresh[i]);
		for (uint16_t i = 0; i < n; i++)
			post_buffer(vq, fresh[i]);
		done += n;
	}
	if (done)
		virtqueue_publish(vq, before);
	return done;
}

uint16_t virtqueue_drain(struct virtqueue *vq)
{
	uint16_t drained = 0;

	for (uint16_t id = 0; id < vq->size; id++) {
		if (!vq->slots[id].mbuf)
			continue;
		mbuf_free(vq->slots[id].mbuf);
		vq->slots[id].mbuf = NULL;
		drained++;
	}
	return drained;
}
