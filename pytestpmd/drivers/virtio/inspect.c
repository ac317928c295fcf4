/* What the console asks of single queues: how far the device is, and to have back at once what it
 * has sent. No burst comes by here. */
#include "drivers/virtio/packed.h"
#include "drivers/virtio/split.h"

/* Descriptors of the chain that begins at this one; an lcore may be writing it. */
static uint16_t chain_length(const struct virtqueue *vq, uint16_t id)
{
	uint16_t nb_descs = id < vq->size ? load_relaxed(&vq->slots[id].nb_descs) : 0;

	return nb_descs ? nb_descs : 1;
}

static uint32_t split_nb_done(const struct virtqueue *vq, bool in_order)
{
	uint16_t from = load_relaxed(&vq->used_cons);
	uint16_t nb_used = (uint16_t)(load_acquire(&vq->used->idx) - from);
	uint32_t nb_done = 0;

	if (nb_used > vq->size)
		return 0; /* which the next burst finds out */
	for (uint16_t i = 0; i < nb_used; i++) {
		uint16_t slot = (uint16_t)(from + i) & (vq->size - 1);
		uint32_t id = in_order ? load_relaxed(&vq->avail_shadow[slot])
		                       : load_relaxed(&vq->used->ring[slot].id);

		nb_done += chain_length(vq, (uint16_t)min_of(id, (uint32_t)UINT16_MAX));
	}
	return nb_done;
}

/* In order, one used descriptor may tell of several chains (2.8.9): it names the last of them. */
static uint32_t packed_nb_done(const struct virtqueue *vq, bool in_order)
{
	uint16_t last = vq->batch_last;
	bool is_told = in_order && vq->batch_open;
	uint32_t nb_done = 0;

	while (nb_done < vq->size) {
		uint32_t place = ((uint32_t)vq->used_cons + nb_done) % vq->size;
		uint16_t id;

		if (!is_told) {
			if (!packed_is_used(vq, (uint16_t)nb_done))
				break;
			last = load_relaxed(&vq->packed[place].id);
		}
		id = in_order ? load_relaxed(&vq->avail_shadow[place]) : last;
		is_told = id != last;
		nb_done += chain_length(vq, id);
	}
	return nb_done;
}

uint16_t virtqueue_nb_done(const struct virtqueue *vq, bool in_order)
{
	uint32_t nb_done;

	if (virtqueue_is_broken(vq))
		return 0;
	nb_done = vq->packed ? packed_nb_done(vq, in_order) : split_nb_done(vq, in_order);
	return (uint16_t)min_of(nb_done, (uint32_t)vq->size);
}

static ALWAYS_INLINE uint16_t split_free_sent(
        struct virtqueue *vq, uint16_t most, const struct split_traits traits)
{
	uint16_t nb_used = virtqueue_nb_used(vq, UINT16_MAX), nb_freed = 0;
	struct used_buffer buffer;

	while (nb_freed < most && nb_used-- && next_used(vq, 0, &buffer, traits)) {
		take_sent(vq, &buffer, traits);
		mbuf_free(buffer.m);
		nb_freed++;
	}
	return nb_freed;
}

static ALWAYS_INLINE uint16_t packed_free_sent(
        struct virtqueue *vq, uint16_t most, const struct packed_traits traits)
{
	struct packed_used buffer;
	uint16_t nb_freed = 0;

	while (nb_freed < most && packed_next_used(vq, 0, &buffer, traits)) {
		packed_take_used(vq, &buffer, traits);
		mbuf_free(buffer.m);
		nb_freed++;
	}
	return nb_freed;
}

uint16_t virtqueue_free_sent(struct virtqueue *vq, uint16_t most, bool in_order)
{
	if (virtqueue_is_broken(vq))
		return 0;
	if (vq->packed)
		return in_order ? packed_free_sent(
		                          vq, most, (struct packed_traits){.in_order = true})
		                : packed_free_sent(
		                          vq, most, (struct packed_traits){.in_order = false});
	return in_order ? split_free_sent(vq, most, (struct split_traits){.in_order = true})
	                : split_free_sent(vq, most, (struct split_traits){.in_order = false});
}
