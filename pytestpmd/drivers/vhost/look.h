#ifndef VHOST_LOOK_H
#define VHOST_LOOK_H
#include "drivers/vhost/vhost.h"

/* C only */

#define CHUNK        32
#define USED_PENDING 64

/* A chain as the first look found it. */
struct look {
	uint8_t *at;        /* the first buffer, when the chain is just that; else NULL */
	uint64_t room;      /* mapped bytes from there on */
	uint32_t len;       /* bytes of the buffer */
	uint16_t id;        /* what gives it back: its head, or in a packed ring its buffer id */
	uint16_t at_place;  /* packed: where it begins */
	uint16_t nb_places; /* packed: how many descriptors it has */
};

/* What a burst has used up and not said yet. */
struct used_batch {
	uint16_t nb;        /* chains */
	uint16_t nb_places; /* packed: descriptors */
	uint16_t first;     /* packed: where they began; the first word is written last */
	bool first_wrap;
	bool skip; /* packed, in order, nothing written to: only one of them need be said */
	uint16_t last_id;
	uint64_t first_word;
	/* packed: words for the places behind the first, which are written from the last on */
	uint64_t pending[USED_PENDING];
	uint16_t places[USED_PENDING];
	uint16_t nb_pending;
};

static ALWAYS_INLINE void used_batch_begin(struct used_batch *batch, bool skip)
{
	batch->nb = 0;
	batch->nb_places = 0;
	batch->nb_pending = 0;
	batch->skip = skip;
}

/* A single plain buffer is translated and its first lines are fetched. */
static ALWAYS_INLINE void look_at_buffer(const struct vhost_virtqueue *vq, uint64_t addr,
        uint32_t len, bool to_write, struct look *look)
{
	look->len = len;
	look->at = vhost_translate(vq->memory, addr, len, &look->room);
	if (unlikely(!look->at))
		return;
	if (to_write) {
		prefetch_to_write(look->at);
		prefetch_to_write(look->at + CACHE_LINE);
	} else {
		prefetch(look->at);
		prefetch(look->at + CACHE_LINE);
	}
}

#endif
