/* Commands to the device, one at a time (virtio 1.2, 5.1.6.5).
 *
 * Class and code, the data and the ack are descriptors of their own: devices from before VERSION_1
 * want it so (5.1.6.5), and the others do not mind. What the device says is checked as everywhere:
 * it can give back no chain but the one it has, and can have written no more than the ack. */
#include "drivers/virtio/ctrl.h"

static void offer_split(struct ctrl_queue *cq, const uint32_t *lengths, uint16_t nb_pieces)
{
	struct virtqueue *vq = cq->vq;
	uint16_t before = vq->avail_idx, id = virtqueue_take_id(vq);
	const uint8_t *at = cq->command;

	cq->head = id;
	for (uint16_t i = 0; i < nb_pieces; i++) {
		uint16_t next = virtqueue_take_id(vq);

		vq->desc[id] = (struct vring_desc){
		        iova_of(vq->iova, at), lengths[i], VRING_DESC_F_NEXT, next};
		vq->slots[id].next = next;
		at += lengths[i];
		id = next;
	}
	vq->desc[id] = (struct vring_desc){iova_of(vq->iova, cq->ack), 1, VRING_DESC_F_WRITE, 0};
	virtqueue_offer(vq, cq->head);
	virtqueue_publish(vq, before);
}

static void offer_packed(struct ctrl_queue *cq, const uint32_t *lengths, uint16_t nb_pieces)
{
	struct virtqueue *vq = cq->vq;
	const uint8_t *at = cq->command;
	struct packed_batch batch;

	cq->head = virtqueue_take_id(vq);
	packed_batch_begin(vq, &batch);
	for (uint16_t i = 0; i < nb_pieces; i++) {
		packed_put(vq, &batch, at, lengths[i], cq->head, VRING_DESC_F_NEXT);
		at += lengths[i];
	}
	packed_put(vq, &batch, cq->ack, 1, cq->head, VRING_DESC_F_WRITE);
	packed_publish(vq, &batch);
}

bool ctrl_submit(struct ctrl_queue *cq, const uint32_t *lengths, uint16_t nb_pieces)
{
	if (cq->nb_descs || nb_pieces >= cq->vq->size)
		return false;
	cq->nb_descs = (uint16_t)(nb_pieces + 1);
	if (cq->vq->packed)
		offer_packed(cq, lengths, nb_pieces);
	else
		offer_split(cq, lengths, nb_pieces);
	return true;
}

/* A used element, or the fault that it is. */
static bool check_used(struct ctrl_queue *cq, uint32_t id, uint32_t len)
{
	if (id != cq->head) {
		virtqueue_fault(cq->vq, VRING_BAD_ID);
		return false;
	}
	if (len > 1) {
		virtqueue_fault(cq->vq, VRING_BAD_LENGTH);
		return false;
	}
	return true;
}

static bool take_split(struct ctrl_queue *cq)
{
	struct virtqueue *vq = cq->vq;
	uint16_t nb_used = virtqueue_nb_used(vq, UINT16_MAX), id = cq->head;
	const struct vring_used_elem *elem = &vq->used->ring[vq->used_cons & (vq->size - 1)];

	if (nb_used == 0)
		return false;
	if (nb_used > 1) {
		virtqueue_fault(vq, VRING_BAD_INDEX);
		return false;
	}
	if (!check_used(cq, load_relaxed(&elem->id), load_relaxed(&elem->len)))
		return false;
	vq->used_cons++;
	for (uint16_t left = cq->nb_descs; left; left--) {
		virtqueue_give_id(vq, id);
		id = vq->slots[id].next;
	}
	return true;
}

static bool take_packed(struct ctrl_queue *cq)
{
	struct virtqueue *vq = cq->vq;
	const struct vring_packed_desc *desc = &vq->packed[vq->used_cons];

	if (!packed_is_used(vq, 0))
		return false;
	if (!check_used(cq, load_relaxed(&desc->id), load_relaxed(&desc->len)))
		return false;
	packed_skip(vq, cq->nb_descs);
	virtqueue_give_id(vq, cq->head);
	return true;
}

bool ctrl_poll(struct ctrl_queue *cq)
{
	bool done;

	if (!cq->nb_descs || virtqueue_is_broken(cq->vq))
		return false;
	done = cq->vq->packed ? take_packed(cq) : take_split(cq);
	if (done)
		cq->nb_descs = 0;
	return done;
}

void ctrl_forget(struct ctrl_queue *cq)
{
	cq->nb_descs = 0;
}
