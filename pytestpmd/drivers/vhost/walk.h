#ifndef VHOST_WALK_H
#define VHOST_WALK_H
#include "drivers/vhost/ring.h"

/* C only */

/* A walk along a chain, buffer by buffer. */
struct walk {
	struct vhost_virtqueue *vq;
	const uint8_t *table; /* the ring's, or the indirect one's, which may lie anywhere */
	uint32_t table_len;
	uint32_t budget; /* buffers that may still come: a chain is no longer than the ring */
	uint16_t kind;   /* VRING_DESC_F_WRITE or 0, which every buffer must have */
	uint16_t next;
	bool more;
	bool bad;
	uint8_t *at; /* the buffer in hand */
	uint32_t len;
};

static inline void walk_begin(
        struct walk *walk, struct vhost_virtqueue *vq, uint16_t head, uint16_t kind)
{
	*walk = (struct walk){.vq = vq,
	        .table = (const uint8_t *)vq->desc,
	        .table_len = vq->size,
	        .budget = vq->size,
	        .kind = kind,
	        .next = head,
	        .more = head < vq->size,
	        .bad = head >= vq->size};
}

static inline bool walk_fail(struct walk *walk)
{
	walk->bad = true;
	walk->more = false;
	return false;
}

/* Go on in an indirect table: one for a chain, at its end, of whole descriptors
 * (virtio 1.2, 2.7.5.3). */
static inline bool walk_indirect(struct walk *walk, const struct vring_desc *desc)
{
	uint64_t room;

	if (walk->table != (const uint8_t *)walk->vq->desc || (desc->flags & VRING_DESC_F_NEXT) ||
	        desc->len == 0 || desc->len % sizeof(*desc))
		return walk_fail(walk);
	walk->table = vhost_translate(walk->vq->memory, desc->addr, desc->len, &room);
	if (!walk->table)
		return walk_fail(walk);
	walk->table_len = (uint32_t)(desc->len / sizeof(*desc));
	walk->next = 0;
	return true;
}

/* Take the chain's next buffer in hand. False at its end, and at what cannot be, which `bad` tells.
 */
static inline bool walk_step(struct walk *walk)
{
	struct vring_desc desc;
	uint64_t room;

	if (!walk->more)
		return false;
	if (walk->next >= walk->table_len || walk->budget-- == 0)
		return walk_fail(walk);
	memcpy(&desc, walk->table + (size_t)walk->next * sizeof(desc), sizeof(desc));
	/* one read: what is checked below is what is used */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (desc.flags & VRING_DESC_F_INDIRECT)
		return walk_indirect(walk, &desc) && walk_step(walk);
	if ((desc.flags & VRING_DESC_F_WRITE) != walk->kind)
		return walk_fail(walk);
	walk->at = vhost_translate(walk->vq->memory, desc.addr, desc.len, &room);
	if (!walk->at)
		return walk_fail(walk);
	walk->len = desc.len;
	walk->more = desc.flags & VRING_DESC_F_NEXT;
	walk->next = desc.next;
	return true;
}

/* Leave `bytes` of the chain behind: false when it is not so long. */
static inline bool walk_skip(struct walk *walk, uint32_t bytes)
{
	while (bytes >= walk->len) {
		bytes -= walk->len;
		if (!walk_step(walk))
			return false;
	}
	walk->at += bytes;
	walk->len -= bytes;
	return true;
}

#endif
