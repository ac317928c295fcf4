/* The device of a split virtqueue, made of the front-end's memory: virtio 1.2, 2.7 and 5.1.6.
 *
 * The front-end can write every byte of what is read here, at any moment. So each field is read
 * once, into a local; indexes and chains are bounded by the ring's size; an address is translated
 * together with its length. A bad chain is used up with length 0 and counted, and does not hold up
 * those behind it; an index that jumps stops the ring.
 *
 * A burst goes in chunks: look at the descriptors and prefetch what they point at, then copy, then
 * fill the used ring; used.idx moves once a burst. */
#include "drivers/vhost/copy.h"
#include "drivers/vhost/vhost.h"

#define CHUNK         32
#define PACKET_CHAINS 256   /* that one packet may be spread over */
#define MAX_FRAME     65600 /* the most that segmentation offloads ask for, with some tags */

/* A chain as the first look found it. */
struct look {
	uint8_t *at;   /* the first buffer, when the chain is just that; else NULL */
	uint64_t room; /* mapped bytes from there on */
	uint32_t len;  /* bytes of the buffer */
	uint16_t head;
};

void vhost_virtqueue_start(struct vhost_virtqueue *vq, uint16_t index)
{
	vq->last_avail = index;
	vq->used_idx = index;
	vq->fault = VRING_OK;
	memset(vq->used_shadow, 0xff, vq->size * sizeof(*vq->used_shadow));
	/* We poll, so no kick is wanted; with EVENT_IDX an event that lies behind says so
	 * (virtio 1.2, 2.7.10.1). */
	store_relaxed(&vq->used->flags, vq->event_idx ? 0 : VRING_USED_F_NO_NOTIFY);
	if (vq->event_idx)
		store_relaxed((uint16_t *)(void *)&vq->used->ring[vq->size], (uint16_t)(index - 1));
}

void vhost_virtqueue_enable(struct vhost_virtqueue *vq, bool on)
{
	/* release pairs with the lcore's acquire of enabled: it sees the whole ring, or none */
	store_release(&vq->enabled, on);
}

/* Chains that wait; 0, and the fault, when the index says more than the ring can hold. */
static ALWAYS_INLINE uint16_t nb_waiting(struct vhost_virtqueue *vq)
{
	uint16_t nb;

	if (unlikely(!load_acquire(&vq->enabled) || vq->fault || vq->memory->dead))
		return 0;
	/* acquire pairs with the driver's release of avail.idx: descriptors before it are whole */
	nb = (uint16_t)(load_acquire(&vq->avail->idx) - vq->last_avail);
	if (unlikely(nb > vq->size)) {
		store_relaxed(&vq->fault, (uint32_t)VRING_BAD_INDEX);
		return 0;
	}
	return nb;
}

static ALWAYS_INLINE uint16_t head_at(const struct vhost_virtqueue *vq, uint16_t ahead)
{
	return load_relaxed(&vq->avail->ring[(uint16_t)(vq->last_avail + ahead) & (vq->size - 1)]);
}

static ALWAYS_INLINE struct vring_desc read_desc(const struct vring_desc *desc)
{
	return (struct vring_desc){load_relaxed(&desc->addr), load_relaxed(&desc->len),
	        load_relaxed(&desc->flags), load_relaxed(&desc->next)};
}

/* Say that a chain was used. An element that says already what it should is not written: in a
 * steady flow it then stays in the driver's cache. */
static ALWAYS_INLINE void use_chain(struct vhost_virtqueue *vq, uint16_t head, uint32_t len)
{
	uint16_t slot = vq->used_idx++ & (vq->size - 1);
	uint64_t elem = head | (uint64_t)len << 32;

	if (unlikely(vq->used_shadow[slot] != elem)) {
		vq->used_shadow[slot] = elem;
		memcpy(&vq->used->ring[slot], &elem, sizeof(elem));
	}
	vq->last_avail++;
}

static NOINLINE void use_bad_chain(struct vhost_virtqueue *vq, uint16_t head)
{
	vq->bad_chains++;
	vq->stats.errors++;
	use_chain(vq, head, 0);
}

static ALWAYS_INLINE void publish_used(struct vhost_virtqueue *vq, uint16_t before)
{
	bool wanted;

	/* release pairs with the driver's acquire of used.idx: elements and buffers before it are
	 * whole */
	store_release(&vq->used->idx, vq->used_idx);
	/* pairs with the driver's fence between asking for a call and looking at idx again */
	full_fence();
	if (vq->event_idx)
		wanted = vring_need_event(
		        vring_used_event(vq->avail, vq->size), vq->used_idx, before);
	else
		wanted = !(load_relaxed(&vq->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	if (likely(!wanted)) {
		vq->calls_suppressed++;
		return;
	}
	vq->calls++;
	vring_notify(vq->call_fd);
}

/* Look at the chain `ahead`: a single plain buffer is translated and its first lines are fetched.
 */
static ALWAYS_INLINE void look_ahead(
        struct vhost_virtqueue *vq, uint16_t ahead, uint16_t kind, struct look *look)
{
	struct vring_desc desc;

	look->head = head_at(vq, ahead);
	look->at = NULL;
	if (unlikely(look->head >= vq->size))
		return;
	desc = read_desc(&vq->desc[look->head]);
	if (unlikely(desc.flags != kind))
		return;
	look->len = desc.len;
	look->at = vhost_translate(vq->memory, desc.addr, desc.len, &look->room);
	if (unlikely(!look->at))
		return;
	if (kind & VRING_DESC_F_WRITE) {
		prefetch_to_write(look->at);
		prefetch_to_write(look->at + CACHE_LINE);
	} else {
		prefetch(look->at);
		prefetch(look->at + CACHE_LINE);
	}
}

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

static void walk_begin(struct walk *walk, struct vhost_virtqueue *vq, uint16_t head, uint16_t kind)
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

static bool walk_fail(struct walk *walk)
{
	walk->bad = true;
	walk->more = false;
	return false;
}

/* Go on in an indirect table: one for a chain, at its end, of whole descriptors
 * (virtio 1.2, 2.7.5.3). */
static bool walk_indirect(struct walk *walk, const struct vring_desc *desc)
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
static bool walk_step(struct walk *walk)
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
static bool walk_skip(struct walk *walk, uint32_t bytes)
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

/* Make `last` the packet's last segment but one: a fresh one follows it. */
static struct mbuf *append_segment(struct vhost_virtqueue *vq, struct mbuf *pkt, struct mbuf *last)
{
	struct mbuf *fresh;

	if (pkt->nb_segs == UINT16_MAX || !mempool_get_bulk(vq->pool, &fresh, 1)) {
		vq->stats.nombuf++;
		return NULL;
	}
	mbuf_set(fresh, MBUF_HEADROOM, 0, vq->port_id);
	last->next = fresh;
	pkt->nb_segs++;
	return fresh;
}

/* Copy what is in hand to the packet's end; NULL when memory is short or the packet too long. */
static struct mbuf *append_bytes(struct vhost_virtqueue *vq, struct mbuf *pkt, struct mbuf *last,
        const uint8_t *at, uint32_t len)
{
	if (len > MAX_FRAME - pkt->pkt_len)
		return NULL;
	while (len) {
		uint16_t n = (uint16_t)min_of(len, (uint32_t)mbuf_tailroom(last));

		if (n == 0) {
			last = append_segment(vq, pkt, last);
			if (!last)
				return NULL;
			continue;
		}
		memcpy(mbuf_data(last) + last->data_len, at, n);
		last->data_len += n;
		pkt->pkt_len += n;
		at += n;
		len -= n;
	}
	return last;
}

/* Any chain at all into `pkt` and segments behind it. False when it is bad or memory is short; pkt
 * is then free of segments again. */
static NOINLINE bool dequeue_chain(struct vhost_virtqueue *vq, uint16_t head, struct mbuf *pkt)
{
	struct mbuf *last = pkt;
	struct walk walk;

	mbuf_set(pkt, MBUF_HEADROOM, 0, vq->port_id);
	walk_begin(&walk, vq, head, 0);
	if (walk_step(&walk) && walk_skip(&walk, vq->hdr_size)) {
		do {
			last = append_bytes(vq, pkt, last, walk.at, walk.len);
		} while (last && walk_step(&walk));
	}
	if (last && !walk.bad && pkt->pkt_len)
		return true;
	if (pkt->next)
		mbuf_free(pkt->next);
	pkt->next = NULL;
	pkt->nb_segs = 1;
	return false;
}

static ALWAYS_INLINE bool dequeue_one(
        struct vhost_virtqueue *vq, const struct look *look, struct mbuf *m)
{
	uint32_t len = look->len - vq->hdr_size;
	uint32_t space = (uint32_t)(m->buf_len - MBUF_HEADROOM);

	if (unlikely(!look->at || look->len <= vq->hdr_size || len > space))
		return dequeue_chain(vq, look->head, m);
	mbuf_set(m, MBUF_HEADROOM, (uint16_t)len, vq->port_id);
	/* whole blocks, where the region and the mbuf have them */
	if (likely(look->len + 64 <= look->room && len + 64 <= space))
		copy_blocks(mbuf_data(m), look->at + vq->hdr_size, len);
	else
		memcpy(mbuf_data(m), look->at + vq->hdr_size, len);
	return true;
}

static ALWAYS_INLINE uint16_t dequeue_chunk(
        struct vhost_virtqueue *vq, struct mbuf **pkts, uint16_t n, struct stats_run *run)
{
	struct look looks[CHUNK];
	struct mbuf *fresh[CHUNK];
	uint16_t nb_rx = 0, nb_fresh = mempool_get_some(vq->pool, fresh, n);

	if (unlikely(nb_fresh < n))
		vq->stats.nombuf += (uint16_t)(n - nb_fresh);
	n = nb_fresh;
	for (uint16_t i = 0; i < n; i++)
		look_ahead(vq, i, 0, &looks[i]);
	for (uint16_t i = 0; i < n; i++) {
		struct mbuf *m = fresh[i];

		if (unlikely(!dequeue_one(vq, &looks[i], m))) {
			use_bad_chain(vq, looks[i].head);
			mbuf_free(m);
			continue;
		}
		use_chain(vq, looks[i].head, 0);
		stats_add(&vq->stats, run, m->pkt_len, mbuf_data(m));
		pkts[nb_rx++] = m;
	}
	return nb_rx;
}

uint16_t vhost_dequeue_split(void *queue, struct mbuf **pkts, uint16_t nb)
{
	struct vhost_virtqueue *vq = queue;
	uint16_t before = vq->used_idx, waiting = min_of(nb_waiting(vq), nb), nb_rx = 0;
	struct stats_run run = {0};

	while (waiting) {
		uint16_t n = min_of(waiting, (uint16_t)CHUNK), at = vq->used_idx;

		nb_rx += dequeue_chunk(vq, &pkts[nb_rx], n, &run);
		if (unlikely((uint16_t)(vq->used_idx - at) != n))
			break; /* too few mbufs */
		waiting -= n;
	}
	if (vq->used_idx != before) {
		stats_finish(&vq->stats, &run, nb_rx);
		publish_used(vq, before);
	}
	return nb_rx;
}

/* Where a packet goes in the driver's buffers: chain after chain, as many as MRG_RXBUF allows.
 * Nothing is said to be used before the whole packet has found room. */
struct room {
	struct walk walk;
	uint16_t nb_chains; /* begun */
	uint16_t waiting;   /* chains that there are */
	uint32_t chain_len; /* bytes written into the one in hand */
	uint8_t *num_buffers[2];
	bool open;
};

static bool room_next_chain(struct vhost_virtqueue *vq, struct room *room, uint32_t *lens)
{
	if (room->open)
		lens[room->nb_chains - 1] = room->chain_len;
	if (room->nb_chains == room->waiting || room->nb_chains == PACKET_CHAINS ||
	        (room->nb_chains && !vq->mergeable))
		return false;
	walk_begin(&room->walk, vq, head_at(vq, room->nb_chains), VRING_DESC_F_WRITE);
	room->nb_chains++;
	room->chain_len = 0;
	room->open = true;
	return walk_step(&room->walk);
}

/* A piece of the driver's memory to write to; false when there is none left, or the chain is bad.
 */
static bool room_take(struct vhost_virtqueue *vq, struct room *room, uint32_t *lens)
{
	while (!room->walk.len) {
		if (walk_step(&room->walk))
			continue;
		if (room->walk.bad || !room_next_chain(vq, room, lens))
			return false;
	}
	return true;
}

static bool room_write(struct vhost_virtqueue *vq, struct room *room, uint32_t *lens,
        const uint8_t *from, uint32_t len)
{
	while (len) {
		uint32_t n;

		if (!room_take(vq, room, lens))
			return false;
		n = min_of(len, room->walk.len);
		memcpy(room->walk.at, from, n);
		room->walk.at += n;
		room->walk.len -= n;
		room->chain_len += n;
		from += n;
		len -= n;
	}
	return true;
}

enum enqueued {
	ENQUEUED,
	NO_ROOM,   /* not enough chains wait: later, perhaps */
	TOO_LONG,  /* this ring will never have room for it */
	BAD_CHAIN, /* used up; the packet may try the next one */
};

/* The header, in however many pieces; num_buffers is known last, so remember where its bytes went.
 */
static bool room_write_header(struct vhost_virtqueue *vq, struct room *room, uint32_t *lens)
{
	static const struct virtio_net_hdr header = {.num_buffers = 1};
	const uint8_t *from = (const uint8_t *)&header;
	const uint32_t before = offsetof(struct virtio_net_hdr, num_buffers);

	if (!room_write(vq, room, lens, from, before))
		return false;
	for (uint32_t i = before; i < vq->hdr_size; i++) {
		if (!room_take(vq, room, lens))
			return false;
		room->num_buffers[i - before] = room->walk.at;
		room_write(vq, room, lens, from + i, 1);
	}
	return true;
}

static enum enqueued enqueue_finish(struct vhost_virtqueue *vq, struct room *room, uint32_t *lens)
{
	lens[room->nb_chains - 1] = room->chain_len;
	for (int i = 0; i < 2 && room->num_buffers[i]; i++)
		*room->num_buffers[i] = (uint8_t)(room->nb_chains >> 8 * i);
	for (uint16_t i = 0; i < room->nb_chains; i++)
		use_chain(vq, head_at(vq, 0), lens[i]);
	return ENQUEUED;
}

/* Any packet into any chains. */
static NOINLINE enum enqueued enqueue_chains(
        struct vhost_virtqueue *vq, struct mbuf *pkt, uint16_t waiting)
{
	struct room room = {.waiting = waiting};
	uint32_t lens[PACKET_CHAINS];
	bool fits = room_next_chain(vq, &room, lens) && room_write_header(vq, &room, lens);

	for (struct mbuf *seg = pkt; seg && fits; seg = seg->next)
		fits = room_write(vq, &room, lens, mbuf_data(seg), seg->data_len);
	if (fits)
		return enqueue_finish(vq, &room, lens);
	if (room.walk.bad) {
		use_bad_chain(vq, head_at(vq, 0));
		return BAD_CHAIN;
	}
	if (!vq->mergeable || room.nb_chains == PACKET_CHAINS || room.nb_chains == vq->size)
		return TOO_LONG;
	return NO_ROOM;
}

static ALWAYS_INLINE void write_header(const struct vhost_virtqueue *vq, uint8_t *at)
{
	static const struct virtio_net_hdr header = {.num_buffers = 1};

	if (likely(vq->hdr_size == sizeof(header)))
		memcpy(at, &header, sizeof(header));
	else
		memcpy(at, &header, sizeof(header) - sizeof(header.num_buffers));
}

static ALWAYS_INLINE bool enqueue_one(
        struct vhost_virtqueue *vq, const struct look *look, const struct mbuf *m)
{
	uint32_t len = (uint32_t)vq->hdr_size + m->data_len;

	if (unlikely(!look->at || m->nb_segs != 1 || len > look->len))
		return false;
	write_header(vq, look->at);
	copy_exact(look->at + vq->hdr_size, mbuf_data(m), m->data_len);
	use_chain(vq, look->head, len);
	return true;
}

/* Put packets into chains the long way until a plain one may follow: how many were taken off
 * `pkts`, and how many chains they took. */
static NOINLINE bool enqueue_slow(
        struct vhost_virtqueue *vq, struct mbuf *m, uint16_t *waiting, bool *sent)
{
	enum enqueued result;

	*sent = false;
	do {
		uint16_t at = vq->last_avail;

		result = *waiting ? enqueue_chains(vq, m, *waiting) : NO_ROOM;
		*waiting -= (uint16_t)(vq->last_avail - at);
	} while (result == BAD_CHAIN);
	if (result == NO_ROOM)
		return false;
	*sent = result == ENQUEUED;
	if (result == TOO_LONG)
		vq->stats.errors++;
	return true;
}

/* One chunk: how many packets were dealt with, less than n only when no chain is left for the next
 * one. */
static ALWAYS_INLINE uint16_t enqueue_chunk(struct vhost_virtqueue *vq, struct mbuf **pkts,
        uint16_t n, uint16_t *waiting, struct stats_run *run, uint16_t *nb_sent)
{
	struct look looks[CHUNK];
	uint16_t start = vq->last_avail, nb_looks = min_of(n, *waiting), i;

	for (i = 0; i < nb_looks; i++) {
		look_ahead(vq, i, VRING_DESC_F_WRITE, &looks[i]);
		prefetch(mbuf_data(pkts[i]));
	}
	for (i = 0; i < n; i++) {
		uint16_t chain = (uint16_t)(vq->last_avail - start);
		bool sent = true;

		if (likely(chain < nb_looks && enqueue_one(vq, &looks[chain], pkts[i])))
			(*waiting)--;
		else if (!enqueue_slow(vq, pkts[i], waiting, &sent))
			break;
		if (likely(sent)) {
			stats_add(&vq->stats, run, pkts[i]->pkt_len, mbuf_data(pkts[i]));
			(*nb_sent)++;
		}
	}
	return i;
}

uint16_t vhost_enqueue_split(void *queue, struct mbuf **pkts, uint16_t nb)
{
	struct vhost_virtqueue *vq = queue;
	uint16_t before = vq->used_idx, waiting = nb_waiting(vq), nb_done = 0, nb_sent = 0;
	struct stats_run run = {0};

	while (waiting && nb_done < nb) {
		uint16_t n = min_of((uint16_t)(nb - nb_done), (uint16_t)CHUNK);
		uint16_t done = enqueue_chunk(vq, &pkts[nb_done], n, &waiting, &run, &nb_sent);

		nb_done += done;
		if (done < n)
			break;
	}
	if (vq->used_idx != before) {
		stats_finish(&vq->stats, &run, nb_sent);
		publish_used(vq, before);
	}
	mbuf_free_bulk(pkts, nb_done);
	vq->stats.missed += (uint16_t)(nb - nb_done);
	return nb_done;
}
