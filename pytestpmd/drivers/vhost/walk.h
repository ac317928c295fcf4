#ifndef VHOST_WALK_H
#define VHOST_WALK_H
#include "drivers/vhost/ring.h"

/* C only */

/* A walk along a chain, buffer by buffer: in a split ring by `next`, in a packed one from place to
 * place, in an indirect table either way. The chain's length is bounded by the ring's. */
struct walk {
	struct vhost_virtqueue *vq;
	const uint8_t *table; /* the ring's, or the indirect one's, which may lie anywhere */
	uint32_t table_len;
	uint32_t budget; /* buffers that may still come: a chain is no longer than the ring */
	uint32_t next;
	uint16_t kind; /* VRING_DESC_F_WRITE or 0, which every buffer must have */
	bool packed;
	bool indirect;
	bool more;
	enum vhost_bad_chain bad;
	uint8_t *at; /* the buffer in hand */
	uint32_t len;
};

/* A descriptor of either layout, read once. */
struct step {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next; /* split */
};

/* Begin at the chain that `look` found. */
static inline void walk_begin(struct walk *walk, struct vhost_virtqueue *vq,
        const struct look *look, uint16_t kind, const bool packed)
{
	bool known = packed || look->id < vq->size;

	*walk = (struct walk){.vq = vq,
	        .table = packed ? (const uint8_t *)vq->packed : (const uint8_t *)vq->desc,
	        .table_len = vq->size,
	        .budget = vq->size,
	        .next = packed ? look->at_place : look->id,
	        .kind = kind,
	        .packed = packed,
	        .more = known,
	        .bad = known ? VHOST_CHAIN_OK : VHOST_BAD_HEAD};
}

static inline bool walk_fail(struct walk *walk, enum vhost_bad_chain why)
{
	walk->bad = why;
	walk->more = false;
	return false;
}

static inline struct step walk_read(const struct walk *walk)
{
	const uint8_t *at = walk->table + (size_t)walk->next * sizeof(struct vring_desc);
	struct vring_packed_desc packed;
	struct vring_desc split;

	if (walk->packed) {
		memcpy(&packed, at, sizeof(packed));
		/* one read: what is checked below is what is used */
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		return (struct step){packed.addr, packed.len, packed.flags, 0};
	}
	memcpy(&split, at, sizeof(split));
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return (struct step){split.addr, split.len, split.flags, split.next};
}

/* Go on in an indirect table: one for a chain, at its end, of whole descriptors
 * (virtio 1.2, 2.7.5.3 and 2.8.7). */
static inline bool walk_indirect(struct walk *walk, const struct step *step)
{
	uint64_t room;

	if (walk->indirect || (step->flags & VRING_DESC_F_NEXT) || step->len == 0 ||
	        step->len % sizeof(struct vring_desc))
		return walk_fail(walk, VHOST_BAD_TABLE);
	walk->table = vhost_translate(walk->vq->memory, step->addr, step->len, &room);
	if (!walk->table)
		return walk_fail(walk, VHOST_BAD_ADDRESS);
	walk->table_len = (uint32_t)(step->len / sizeof(struct vring_desc));
	walk->indirect = true;
	walk->budget++; /* what refers to the table is no buffer */
	walk->next = 0;
	return true;
}

/* Where the chain goes on after this descriptor. */
static inline void walk_on(struct walk *walk, const struct step *step)
{
	if (!walk->packed) {
		walk->more = step->flags & VRING_DESC_F_NEXT;
		walk->next = step->next;
	} else if (walk->indirect) {
		walk->more = ++walk->next < walk->table_len;
	} else {
		walk->more = step->flags & VRING_DESC_F_NEXT;
		walk->next = walk->next + 1 < walk->table_len ? walk->next + 1 : 0;
	}
}

/* Buffers to be read are not to be marked for writing, but DPDK's driver (net/virtio, 22.11) leaves
 * that mark on any of those in its packed rings' indirect tables; to read them does no harm. */
static inline bool walk_is_of_kind(const struct walk *walk, const struct step *step)
{
	return (step->flags & VRING_DESC_F_WRITE) == walk->kind ||
	       (walk->packed && walk->indirect && !walk->kind);
}

/* Take the chain's next buffer in hand. False at its end, and at what cannot be, which `bad` tells.
 */
static inline bool walk_step(struct walk *walk)
{
	struct step step;
	uint64_t room;

	if (!walk->more)
		return false;
	if (walk->next >= walk->table_len)
		return walk_fail(walk, VHOST_BAD_NEXT);
	if (walk->budget-- == 0)
		return walk_fail(walk, VHOST_BAD_COUNT);
	step = walk_read(walk);
	if ((step.flags & VRING_DESC_F_INDIRECT) && !(walk->packed && walk->indirect))
		return walk_indirect(walk, &step) && walk_step(walk);
	if (!walk_is_of_kind(walk, &step))
		return walk_fail(walk, VHOST_BAD_DIRECTION);
	walk->at = vhost_translate(walk->vq->memory, step.addr, step.len, &room);
	if (!walk->at)
		return walk_fail(walk, VHOST_BAD_ADDRESS);
	walk->len = step.len;
	walk_on(walk, &step);
	return true;
}

/* Take the chain's next `bytes`: false when there is nothing behind them. */
static inline bool walk_take(struct walk *walk, uint8_t *to, uint32_t bytes)
{
	while (bytes >= walk->len) {
		memcpy(to, walk->at, walk->len);
		to += walk->len;
		bytes -= walk->len;
		if (!walk_step(walk))
			return false;
	}
	memcpy(to, walk->at, bytes);
	walk->at += bytes;
	walk->len -= bytes;
	return true;
}

/* How a chain of a packed ring is given back, good or bad: the id stands in its last place. */
static inline void look_to_end(const struct vhost_virtqueue *vq, struct look *look)
{
	uint16_t place = look->at_place;

	for (look->nb_places = 1; look->nb_places < vq->size; look->nb_places++) {
		if (!(load_relaxed(&vq->packed[place].flags) & VRING_DESC_F_NEXT))
			break;
		place = (uint16_t)(place + 1 < vq->size ? place + 1 : 0);
	}
	look->id = load_relaxed(&vq->packed[place].id);
}

#endif
