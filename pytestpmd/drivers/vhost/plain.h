#ifndef VHOST_PLAIN_H
#define VHOST_PLAIN_H
#include "drivers/vhost/ring.h"

/* C only */

/* The usual chains: one plain buffer each, in the region where the first of them lies. A burst
 * takes a run of them with all that it needs in registers; whatever ends the run is looked at anew
 * by ring_look and goes the long way. */
struct plain_run {
	uint8_t *at[CHUNK];
	uint32_t lens[CHUNK];
	uint16_t ids[CHUNK];
	uint16_t nb;
};

/* A descriptor of either layout as it was read: flags less those that only tell whose it is. */
struct plain_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};

/* The region that holds the byte at `addr`; an empty one when none does. */
static ALWAYS_INLINE struct vhost_region plain_region(
        const struct vhost_memory *memory, uint64_t addr)
{
	for (uint32_t i = 0; i < memory->nb_regions; i++)
		if (likely(addr - memory->regions[i].guest_addr < memory->regions[i].size))
			return memory->regions[i];
	return (struct vhost_region){0};
}

/* Translate the next buffer, with `spare` mapped bytes behind it, and fetch its first lines: false
 * when it does not lie in the region. */
static ALWAYS_INLINE bool plain_add(struct plain_run *run, const struct vhost_region *region,
        const struct plain_desc *desc, uint16_t kind, uint32_t spare)
{
	uint64_t offset = desc->addr - region->guest_addr;
	uint8_t *at;

	/* no sum can wrap: offset < size first, then what is left */
	if (unlikely(desc->flags != kind || offset >= region->size ||
	             (uint64_t)desc->len + spare > region->size - offset))
		return false;
	at = region->host + offset;
	if (kind) {
		prefetch_to_write(at);
		prefetch_to_write(at + CACHE_LINE);
	} else {
		prefetch(at);
		prefetch(at + CACHE_LINE);
	}
	run->at[run->nb] = at;
	run->lens[run->nb] = desc->len;
	run->ids[run->nb++] = desc->id;
	return true;
}

static ALWAYS_INLINE void plain_look_split(const struct vhost_virtqueue *vq, struct plain_run *run,
        uint16_t n, uint16_t kind, uint32_t spare)
{
	const struct vring_desc *ring = vq->desc;
	const uint16_t *avail = vq->avail->ring;
	uint16_t slot = vq->last_avail, mask = (uint16_t)(vq->size - 1), size = vq->size;
	struct vhost_region region = {0};

	for (uint16_t i = 0; i < n; i++) {
		uint16_t id = load_relaxed(&avail[slot++ & mask]);
		struct plain_desc desc;

		if (unlikely(id >= size))
			return;
		desc = (struct plain_desc){load_relaxed(&ring[id].addr),
		        load_relaxed(&ring[id].len), id, load_relaxed(&ring[id].flags)};
		if (i == 0)
			region = plain_region(vq->memory, desc.addr);
		if (!plain_add(run, &region, &desc, kind, spare))
			return;
	}
}

static ALWAYS_INLINE void plain_look_packed(const struct vhost_virtqueue *vq, struct plain_run *run,
        uint16_t n, uint16_t kind, uint32_t spare)
{
	const uint16_t shape = VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT;
	const struct vring_packed_desc *ring = vq->packed;
	uint16_t place = vq->last_avail;
	bool wrap = vq->wrap;
	struct vhost_region region = {0};

	for (uint16_t i = 0; i < n; i++) {
		/* acquire pairs with the driver's release of flags: the descriptor is whole */
		uint16_t flags = load_acquire(&ring[place].flags);
		struct plain_desc desc = {load_relaxed(&ring[place].addr),
		        load_relaxed(&ring[place].len), load_relaxed(&ring[place].id),
		        flags & shape};

		if (!packed_is_avail(flags, wrap))
			return;
		if (i == 0)
			region = plain_region(vq->memory, desc.addr);
		if (!plain_add(run, &region, &desc, kind, spare))
			return;
		place = packed_forward(vq, place, 1, &wrap);
	}
}

/* The plain chains that come next, n at most and no more than `waiting`. */
static ALWAYS_INLINE void plain_look(const struct vhost_virtqueue *vq, struct plain_run *run,
        uint16_t n, uint16_t waiting, uint16_t kind, uint32_t spare, const bool packed)
{
	run->nb = 0;
	/* no place twice, whatever the driver writes meanwhile */
	if (packed)
		plain_look_packed(vq, run, min_of(n, vq->size), kind, spare);
	else
		plain_look_split(vq, run, min_of(n, waiting), kind, spare);
}

static ALWAYS_INLINE void plain_use_split(
        struct vhost_virtqueue *vq, const struct plain_run *run, const uint32_t *lens, uint16_t nb)
{
	uint64_t *shadow = vq->used_shadow;
	struct vring_used_elem *ring = vq->used->ring;
	uint16_t slot = vq->used_idx, mask = (uint16_t)(vq->size - 1);

	for (uint16_t i = 0; i < nb; i++, slot++) {
		uint64_t elem = run->ids[i] | (uint64_t)(lens ? lens[i] : 0) << 32;

		if (unlikely(shadow[slot & mask] != elem)) {
			shadow[slot & mask] = elem;
			memcpy(&ring[slot & mask], &elem, sizeof(elem));
		}
	}
	vq->used_idx = (uint16_t)(vq->used_idx + nb);
	vq->last_avail = (uint16_t)(vq->last_avail + nb);
}

static ALWAYS_INLINE void plain_use_packed(struct vhost_virtqueue *vq, struct used_batch *batch,
        const struct plain_run *run, const uint32_t *lens, uint16_t nb)
{
	uint16_t begun = batch->nb == 0, to_end = (uint16_t)(vq->size - vq->last_avail);
	bool wrap = vq->wrap;

	if (begun) {
		batch->first = vq->last_avail;
		batch->first_wrap = wrap;
		batch->first_word = packed_used_word(run->ids[0], lens ? lens[0] : 0, wrap);
	}
	/* from the last on: the driver keeps reading the first one's line */
	for (uint16_t i = nb; !batch->skip && i-- > begun;) {
		bool over = i >= to_end;
		uint16_t place = (uint16_t)(vq->last_avail + i - (over ? vq->size : 0));

		packed_write_used(
		        vq, place, packed_used_word(run->ids[i], lens ? lens[i] : 0, wrap != over));
	}
	batch->last_id = run->ids[nb - 1];
	batch->nb_places = (uint16_t)(batch->nb_places + nb);
	vq->last_avail = packed_forward(vq, vq->last_avail, nb, &wrap);
	vq->used_idx = vq->last_avail;
	vq->wrap = wrap;
}

/* Use up the first `nb` of the run; `lens` bytes were written to them, or nothing at all. */
static ALWAYS_INLINE void plain_use(struct vhost_virtqueue *vq, struct used_batch *batch,
        const struct plain_run *run, const uint32_t *lens, uint16_t nb, const bool packed)
{
	if (nb == 0)
		return;
	if (packed)
		plain_use_packed(vq, batch, run, lens, nb);
	else
		plain_use_split(vq, run, lens, nb);
	batch->nb = (uint16_t)(batch->nb + nb);
}

#endif
