#include "drivers/vhost/track.h"

/* `len` bytes from log address `addr` on were written; pages beyond the log have no bit. */
static void log_pages(const struct vhost_log *log, uint64_t addr, uint64_t len)
{
	uint64_t last = (addr + len - 1) / VHOST_LOG_PAGE;

	for (uint64_t page = addr / VHOST_LOG_PAGE; page <= last && page / 8 < log->size; page++)
		/* release: the bytes are there before the mark. The front-end takes marks away
		 * meanwhile. */
		__atomic_fetch_or(
		        &log->bits[page / 8], (uint8_t)(1u << page % 8), __ATOMIC_RELEASE);
}

static void log_part(const struct vhost_virtqueue *vq, uint64_t part, uint64_t offset, uint64_t len)
{
	if (vq->log && part != VHOST_NO_LOG && len)
		log_pages(vq->log, part + offset, len);
}

/* `nb` places from `first` on, of `each` bytes, in a ring that begins `head` bytes in. */
static void log_places(
        const struct vhost_virtqueue *vq, uint64_t head, uint64_t each, uint16_t first, uint16_t nb)
{
	uint16_t to_end = min_of(nb, (uint16_t)(vq->size - first));

	log_part(vq, vq->log_used, head + first * each, to_end * each);
	log_part(vq, vq->log_used, head, (uint64_t)(nb - to_end) * each);
}

void track_write(const struct vhost_virtqueue *vq, const uint8_t *at, uint32_t len)
{
	const struct vhost_memory *memory = vq->memory;

	for (uint32_t i = 0; vq->log && len && i < memory->nb_regions; i++) {
		const struct vhost_region *region = &memory->regions[i];
		uint64_t offset = (uint64_t)((uintptr_t)at - (uintptr_t)region->host);

		if (offset < region->size) {
			log_pages(vq->log, region->guest_addr + offset, len);
			return;
		}
	}
}

static void log_published(
        const struct vhost_virtqueue *vq, const struct used_batch *batch, bool packed)
{
	uint16_t first;

	if (packed) {
		log_places(vq, 0, sizeof(struct vring_packed_desc), batch->first,
		        min_of(batch->nb_places, vq->size));
		return;
	}
	first = (uint16_t)(vq->used_idx - batch->nb) & (vq->size - 1);
	log_places(vq, offsetof(struct vring_used, ring), sizeof(struct vring_used_elem), first,
	        min_of(batch->nb, vq->size));
	log_part(vq, vq->log_used, offsetof(struct vring_used, idx), sizeof(uint16_t));
}

void track_wishes(const struct vhost_virtqueue *vq)
{
	const uint64_t event =
	        offsetof(struct vring_used, ring) + vq->size * sizeof(struct vring_used_elem);

	if (vq->is_packed) {
		log_part(vq, vq->log_event, 0, sizeof(struct vring_packed_event));
		return;
	}
	log_part(vq, vq->log_used, offsetof(struct vring_used, flags), sizeof(uint16_t));
	log_part(vq, vq->log_used, event, sizeof(uint16_t));
}

/* Note the descriptors of a batch that are not noted yet, chain by chain, in the area's free
 * entries: those are 0, 1, 2, ... as all are free between two bursts. A chain's end is where NEXT
 * is not set, which nothing of ours has overwritten yet. */
static void note_places(struct vhost_virtqueue *vq, const struct used_batch *batch)
{
	struct inflight_packed *area = vq->inflight_packed;
	uint16_t nb = min_of(batch->nb_places, vq->size), head = vq->nb_inflight;
	uint32_t place = (uint32_t)batch->first + vq->nb_inflight;

	for (uint16_t i = vq->nb_inflight; i < nb; i++, place++) {
		struct vring_packed_desc desc =
		        vq->packed[place < vq->size ? place : place - vq->size];

		area->desc[i].addr = desc.addr;
		area->desc[i].len = desc.len;
		area->desc[i].id = desc.id;
		area->desc[i].flags = desc.flags;
		if ((desc.flags & VRING_DESC_F_NEXT) && i + 1 < nb)
			continue;
		area->desc[head].last = i;
		area->desc[head].num = (uint16_t)(i + 1 - head);
		area->desc[head].counter = vq->inflight_counter++;
		/* release: whoever finds it in hand finds all of it */
		store_release(&area->desc[head].inflight, (uint8_t)1);
		head = (uint16_t)(i + 1);
	}
	vq->nb_inflight = nb;
	store_release(&area->free_head, nb);
	store_release(&area->old_free_head, nb);
}

static void packed_publishing(struct vhost_virtqueue *vq, const struct used_batch *batch)
{
	struct inflight_packed *area = vq->inflight_packed;

	note_places(vq, batch);
	store_release(&area->free_head, (uint16_t)0);
	store_release(&area->used_wrap_counter, (uint8_t)vq->wrap);
	store_release(&area->used_idx, vq->last_avail);
}

static void packed_published(struct vhost_virtqueue *vq)
{
	struct inflight_packed *area = vq->inflight_packed;

	for (uint16_t i = 0; i < vq->nb_inflight; i++)
		area->desc[i].inflight = 0;
	vq->nb_inflight = 0;
	store_release(&area->old_free_head, (uint16_t)0);
	store_release(&area->old_used_wrap_counter, (uint8_t)vq->wrap);
	store_release(&area->old_used_idx, vq->last_avail);
}

/* The heads of a batch that has been used up; other ids than heads are of no ring. */
static bool split_batch(
        const struct vhost_virtqueue *vq, const struct used_batch *batch, uint16_t i, uint16_t *id)
{
	uint16_t slot = (uint16_t)(vq->used_idx - batch->nb + i) & (vq->size - 1);

	*id = (uint16_t)vq->used_shadow[slot];
	return *id < vq->size;
}

static void split_publishing(struct vhost_virtqueue *vq, const struct used_batch *batch)
{
	struct inflight_split *area = vq->inflight_split;
	uint16_t id;

	for (uint16_t i = 0; i < batch->nb; i++) {
		if (!split_batch(vq, batch, i, &id))
			continue;
		area->desc[id].next = area->last_batch_head;
		store_release(&area->last_batch_head, id);
	}
}

/* Most were never noted to be in hand; those that a back-end before us had are. */
static void split_published(struct vhost_virtqueue *vq, const struct used_batch *batch)
{
	struct inflight_split *area = vq->inflight_split;
	uint16_t id;

	for (uint16_t i = 0; i < batch->nb; i++)
		if (split_batch(vq, batch, i, &id))
			area->desc[id].inflight = 0;
	store_release(&area->used_idx, vq->used_idx);
}

void track_flushing(struct vhost_virtqueue *vq, const struct used_batch *batch)
{
	if (vq->inflight_packed)
		note_places(vq, batch);
}

void track_publishing(struct vhost_virtqueue *vq, const struct used_batch *batch, bool packed)
{
	if (packed && vq->inflight_packed)
		packed_publishing(vq, batch);
	if (!packed && vq->inflight_split)
		split_publishing(vq, batch);
}

void track_published(struct vhost_virtqueue *vq, const struct used_batch *batch, bool packed)
{
	log_published(vq, batch, packed);
	if (packed && vq->inflight_packed)
		packed_published(vq);
	if (!packed && vq->inflight_split)
		split_published(vq, batch);
}
