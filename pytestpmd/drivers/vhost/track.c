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

void track_published(const struct vhost_virtqueue *vq, const struct used_batch *batch, bool packed)
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

void track_started(const struct vhost_virtqueue *vq)
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
