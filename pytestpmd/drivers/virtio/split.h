#ifndef VIRTIO_SPLIT_H
#define VIRTIO_SPLIT_H
#include "drivers/virtio/rxtx.h"

/* C only */

/* What bursts over split rings do one by one (virtio 1.2, 2.7): take a used buffer, offer one. */

struct split_traits {
	bool mergeable;
	bool in_order;
};

/* A used element that was found good. */
struct used_buffer {
	struct mbuf *m;
	uint32_t len;
	uint16_t id;
};

/* What the next used element says, if it can be. */
static ALWAYS_INLINE bool read_used(struct virtqueue *vq, uint32_t *id, uint32_t *len)
{
	const struct vring_used_elem *elem = &vq->used->ring[vq->used_cons & (vq->size - 1)];

	*id = load_relaxed(&elem->id);
	*len = load_relaxed(&elem->len);
	if (unlikely(*id >= vq->size || !vq->slots[*id].mbuf)) {
		virtqueue_fault(vq, VRING_BAD_ID);
		return false;
	}
	return true;
}

/* The next used buffer, without taking it; it must hold `least` bytes at least. With IN_ORDER one
 * element may tell of several: it names the last, stands in the place of the first, and those
 * before the last are used as a whole (2.7.9). */
static ALWAYS_INLINE bool next_used(struct virtqueue *vq, uint16_t least,
        struct used_buffer *buffer, const struct split_traits traits)
{
	uint32_t id = vq->batch_last, len = vq->batch_len;

	if ((!traits.in_order || !vq->batch_open) && !read_used(vq, &id, &len))
		return false;
	if (traits.in_order) {
		vq->batch_open = 1;
		vq->batch_last = (uint16_t)id;
		vq->batch_len = len;
		id = vq->avail_shadow[vq->used_cons & (vq->size - 1)];
		if (unlikely(id != vq->batch_last))
			len = vq->slots[id].len;
	}
	if (unlikely(len < least || len > vq->slots[id].len)) {
		virtqueue_fault(vq, VRING_BAD_LENGTH);
		return false;
	}
	*buffer = (struct used_buffer){vq->slots[id].mbuf, len, (uint16_t)id};
	return true;
}

/* Of the buffer's descriptors only the head is given back. */
static ALWAYS_INLINE void take_used(
        struct virtqueue *vq, const struct used_buffer *buffer, const struct split_traits traits)
{
	vq->slots[buffer->id].mbuf = NULL;
	virtqueue_give_id(vq, buffer->id);
	vq->used_cons++;
	if (traits.in_order && buffer->id == vq->batch_last)
		vq->batch_open = 0;
}

static ALWAYS_INLINE void prefetch_used(const struct virtqueue *vq, uint16_t ahead)
{
	uint16_t slot = (uint16_t)(vq->used_cons + ahead) & (vq->size - 1);
	uint32_t id = load_relaxed(&vq->used->ring[slot].id) & (uint32_t)(vq->size - 1);

	if (likely(vq->slots[id].mbuf))
		prefetch(vq->slots[id].mbuf->buf_addr + VIRTQUEUE_RX_OFFSET);
}

/* The ids of a chain go back in the order in which it was built. */
static ALWAYS_INLINE void take_sent(
        struct virtqueue *vq, const struct used_buffer *buffer, const struct split_traits traits)
{
	uint16_t id = buffer->id;

	take_used(vq, buffer, traits);
	for (uint16_t left = vq->slots[id].nb_descs; unlikely(left > 1); left--) {
		id = vq->slots[id].next;
		virtqueue_give_id(vq, id);
	}
}

/* Take back what the device has sent. */
static ALWAYS_INLINE void reclaim_split(struct virtqueue *vq, const struct split_traits traits)
{
	uint16_t nb_used = virtqueue_nb_used(vq, UINT16_MAX), nb_done = 0;
	struct mbuf *done[64];
	struct used_buffer buffer;

	while (nb_used-- && next_used(vq, 0, &buffer, traits)) {
		take_sent(vq, &buffer, traits);
		done[nb_done++] = buffer.m;
		if (nb_done == 64) {
			mbuf_free_bulk(done, nb_done);
			nb_done = 0;
		}
	}
	mbuf_free_bulk(done, nb_done);
}

static ALWAYS_INLINE void write_desc(const struct virtqueue *vq, struct vring_desc *desc,
        const uint8_t *at, uint32_t len, uint16_t flags)
{
	desc->addr = iova_of(vq->iova, at);
	desc->len = len;
	desc->flags = flags;
}

/* The usual packet: one segment, header and data in one descriptor. */
static ALWAYS_INLINE void xmit_one(struct virtqueue *vq, struct mbuf *m)
{
	uint16_t id = virtqueue_take_id(vq);
	struct virtqueue_slot *slot = &vq->slots[id];

	slot->mbuf = m;
	slot->nb_descs = 1;
	slot->len = UINT32_MAX; /* used lengths say nothing on transmit (virtio 1.2, 2.7.8.2) */
	write_desc(vq, &vq->desc[id], push_header(vq, m), (uint32_t)m->data_len + vq->hdr_size, 0);
	virtqueue_offer(vq, id);
}

#endif
