/* What the front-end receives, sent: mbufs to chains of a split ring (virtio 1.2, 2.7, 5.1.6).
 *
 * The usual packet, one segment into one buffer that holds it, is copied at once; any other goes
 * the long way, over as many chains as MRG_RXBUF allows. Chunks, bounds and bad chains are as in
 * dequeue_split.c. */
#include "drivers/vhost/copy.h"
#include "drivers/vhost/walk.h"

#define PACKET_CHAINS 256 /* that one packet may be spread over */

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
