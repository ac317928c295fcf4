/* What the front-end receives, sent: mbufs to chains (virtio 1.2, 2.7, 2.8, 5.1.6).
 *
 * The usual packet, one segment into one buffer that holds it, is copied at once; any other goes
 * the long way, over as many chains as MRG_RXBUF allows. Chunks, bounds and bad chains are as in
 * dequeue.c. */
#include "drivers/vhost/copy.h"
#include "drivers/vhost/plain.h"
#include "drivers/vhost/walk.h"
#include "eal/gso.h"

#define PACKET_CHAINS 256 /* that one packet may be spread over */

/* Where a packet goes in the driver's buffers: chain after chain, as many as MRG_RXBUF allows.
 * Nothing is said to be used before the whole packet has found room. */
struct room {
	struct vhost_virtqueue *vq;
	struct look *chains; /* PACKET_CHAINS of them; len becomes what was written */
	struct walk walk;
	uint16_t nb_chains; /* begun */
	uint16_t waiting;   /* chains that there are */
	uint8_t *num_buffers[2];
	bool packed;
};

/* The chain that comes after those that were begun; false when there is none. */
static bool room_find_chain(struct room *room, struct look *look)
{
	struct vhost_virtqueue *vq = room->vq;
	bool wrap = vq->wrap;

	if (room->nb_chains >= room->waiting)
		return false;
	if (!room->packed) {
		look->id = split_head(vq, room->nb_chains);
		return true;
	}
	look->at_place = vq->last_avail;
	for (uint16_t i = 0; i < room->nb_chains; i++)
		look->at_place =
		        packed_forward(vq, look->at_place, room->chains[i].nb_places, &wrap);
	if (!packed_is_avail(load_acquire(&vq->packed[look->at_place].flags), wrap))
		return false;
	look_to_end(vq, look);
	return true;
}

static bool room_next_chain(struct room *room)
{
	struct look *look = &room->chains[room->nb_chains];

	if (room->nb_chains == PACKET_CHAINS || (room->nb_chains && !room->vq->mergeable) ||
	        !room_find_chain(room, look))
		return false;
	look->len = 0;
	room->nb_chains++;
	walk_begin(&room->walk, room->vq, look, VRING_DESC_F_WRITE, room->packed);
	return walk_step(&room->walk);
}

/* A piece of the driver's memory to write to; false when there is none left, or the chain is bad.
 */
static bool room_take(struct room *room)
{
	while (!room->walk.len) {
		if (walk_step(&room->walk))
			continue;
		if (room->walk.bad || !room_next_chain(room))
			return false;
	}
	return true;
}

static bool room_write(struct room *room, const uint8_t *from, uint32_t len)
{
	while (len) {
		uint32_t n;

		if (!room_take(room))
			return false;
		n = min_of(len, room->walk.len);
		memcpy(room->walk.at, from, n);
		if (unlikely(room->vq->tracked))
			track_write(room->vq, room->walk.at, n);
		room->walk.at += n;
		room->walk.len -= n;
		room->chains[room->nb_chains - 1].len += n;
		from += n;
		len -= n;
	}
	return true;
}

/* The header, in however many pieces; num_buffers is known last, so remember where its bytes went.
 */
static bool room_write_header(struct room *room, const struct virtio_net_hdr *header)
{
	const uint8_t *from = (const uint8_t *)header;
	const uint32_t before = offsetof(struct virtio_net_hdr, num_buffers);

	if (!room_write(room, from, before))
		return false;
	for (uint32_t i = before; i < room->vq->hdr_size; i++) {
		if (!room_take(room))
			return false;
		room->num_buffers[i - before] = room->walk.at;
		room_write(room, from + i, 1);
	}
	return true;
}

enum enqueued {
	ENQUEUED,
	NO_ROOM,   /* not enough chains wait: later, perhaps */
	TOO_LONG,  /* this ring will never have room for it */
	BAD_CHAIN, /* used up; the packet may try the next one */
};

static enum enqueued enqueue_finish(struct room *room, struct used_batch *batch)
{
	for (int i = 0; i < 2 && room->num_buffers[i]; i++) {
		*room->num_buffers[i] = (uint8_t)(room->nb_chains >> 8 * i);
		if (unlikely(room->vq->tracked))
			track_write(room->vq, room->num_buffers[i], 1);
	}
	for (uint16_t i = 0; i < room->nb_chains; i++)
		ring_use(room->vq, batch, &room->chains[i], room->chains[i].len, room->packed);
	return ENQUEUED;
}

/* The last chain that was begun is bad. Chains are used up in order, so those before it, which the
 * packet was to share with it, go with it. */
static enum enqueued enqueue_give_up(struct room *room, struct used_batch *batch)
{
	for (uint16_t i = 0; i < room->nb_chains; i++)
		ring_use(room->vq, batch, &room->chains[i], 0, room->packed);
	ring_count_bad(room->vq, room->walk.bad);
	return BAD_CHAIN;
}

/* Any packet into any chains. */
static NOINLINE enum enqueued enqueue_chains(struct vhost_virtqueue *vq, struct used_batch *batch,
        struct mbuf *pkt, const struct virtio_net_hdr *header, uint16_t waiting, const bool packed)
{
	struct look chains[PACKET_CHAINS];
	struct room room = {.vq = vq, .chains = chains, .waiting = waiting, .packed = packed};
	bool fits = room_next_chain(&room) && room_write_header(&room, header);

	for (struct mbuf *seg = pkt; seg && fits; seg = seg->next)
		fits = room_write(&room, mbuf_data(seg), seg->data_len);
	if (fits)
		return enqueue_finish(&room, batch);
	if (room.walk.bad)
		return enqueue_give_up(&room, batch);
	if (room.nb_chains == 0)
		return NO_ROOM;
	if (!vq->mergeable || room.nb_chains == PACKET_CHAINS || room.nb_chains == vq->size)
		return TOO_LONG;
	return NO_ROOM;
}

static ALWAYS_INLINE void write_header(
        const struct vhost_virtqueue *vq, uint8_t *at, const struct virtio_net_hdr *header)
{
	if (likely(vq->hdr_size == sizeof(*header)))
		memcpy(at, header, sizeof(*header));
	else
		memcpy(at, header, sizeof(*header) - sizeof(header->num_buffers));
}

static ALWAYS_INLINE bool enqueue_one(struct vhost_virtqueue *vq, struct used_batch *batch,
        const struct look *look, const struct mbuf *m, const struct virtio_net_hdr *header,
        const bool packed)
{
	uint32_t len = (uint32_t)vq->hdr_size + m->data_len;

	if (unlikely(!look->at || m->nb_segs != 1 || len > look->len))
		return false;
	write_header(vq, look->at, header);
	copy_exact(look->at + vq->hdr_size, mbuf_data(m), m->data_len);
	if (unlikely(vq->tracked))
		track_write(vq, look->at, len);
	ring_use(vq, batch, look, len, packed);
	return true;
}

/* A packet the long way, past bad chains: false when no chain is left for it. */
static NOINLINE bool enqueue_slow(struct vhost_virtqueue *vq, struct used_batch *batch,
        struct mbuf *m, const struct virtio_net_hdr *header, uint16_t waiting, bool *sent,
        const bool packed)
{
	enum enqueued result;

	do {
		if (batch->nb >= waiting)
			return false;
		result = enqueue_chains(
		        vq, batch, m, header, (uint16_t)(waiting - batch->nb), packed);
	} while (result == BAD_CHAIN);
	if (result == NO_ROOM)
		return false;
	*sent = result == ENQUEUED;
	if (result == TOO_LONG)
		vq->stats.errors++;
	return true;
}

/* Segments of the length that it came with, or that it is to go in. */
static bool begin_to_cut(struct gso *cut, const struct mbuf *pkt, const struct mempool *pool)
{
	struct net_hdrs hdrs;

	if (!(pkt->ol_flags & (MBUF_F_TX_TCP_SEG | MBUF_F_RX_LRO)) || !net_parse(pkt, &hdrs))
		return false;
	return hdrs.l2_len <= UINT8_MAX &&
	       gso_begin_tcp(cut, pkt, &hdrs, NULL, pkt->tso_segsz, pool);
}

/* A packet that wants more than the front-end agreed to: cut into frames, if that helps. Those that
 * find no room are lost. */
static NOINLINE void enqueue_segments(struct vhost_virtqueue *vq, struct used_batch *batch,
        const struct mbuf *pkt, uint16_t waiting, struct stats_run *run, uint16_t *nb_sent,
        const bool packed)
{
	struct gso cut;
	struct virtio_net_hdr header;
	struct mbuf *m;
	bool fits = begin_to_cut(&cut, pkt, vq->pool), sent = false;

	while (fits && (m = gso_next(&cut, vq->pool))) {
		m->ol_flags = MBUF_F_TX_TCP_CKSUM;
		m->ol_flags |=
		        cut.hdrs.is_ipv6 ? MBUF_F_TX_IPV6 : MBUF_F_TX_IPV4 | MBUF_F_TX_IP_CKSUM;
		fits = vnet_tx_offload(&vq->offload, m, &header) &&
		       enqueue_slow(vq, batch, m, &header, waiting, &sent, packed) && sent;
		if (fits) {
			stats_add(&vq->stats, run, m->pkt_len, mbuf_data(m));
			(*nb_sent)++;
		}
		mbuf_free(m);
	}
	if (!fits || !gso_is_done(&cut))
		vq->stats.errors++;
}

/* One chunk: how many packets were dealt with, less than n only when no chain is left for the next
 * one. */
static ALWAYS_INLINE uint16_t enqueue_chunk(struct vhost_virtqueue *vq, struct used_batch *batch,
        struct mbuf **pkts, uint16_t n, uint16_t waiting, struct stats_run *run, uint16_t *nb_sent,
        const bool packed)
{
	static const struct virtio_net_hdr plain = {.num_buffers = 1};
	struct look looks[CHUNK];
	uint16_t before = batch->nb, i;
	uint16_t nb_looks =
	        ring_look(vq, looks, n, (uint16_t)(waiting - before), VRING_DESC_F_WRITE, packed);

	for (i = 0; i < nb_looks; i++)
		prefetch(mbuf_data(pkts[i]));
	for (i = 0; i < n; i++) {
		uint16_t chain = (uint16_t)(batch->nb - before);
		const struct virtio_net_hdr *header = &plain;
		struct virtio_net_hdr made;
		bool sent = true;

		if (unlikely(pkts[i]->ol_flags)) {
			if (!vnet_tx_offload(&vq->offload, pkts[i], &made)) {
				enqueue_segments(vq, batch, pkts[i], waiting, run, nb_sent, packed);
				continue;
			}
			header = &made;
		}
		if (unlikely(!(chain < nb_looks &&
		               enqueue_one(vq, batch, &looks[chain], pkts[i], header, packed))) &&
		        !enqueue_slow(vq, batch, pkts[i], header, waiting, &sent, packed))
			break;
		if (likely(sent)) {
			stats_add(&vq->stats, run, pkts[i]->pkt_len, mbuf_data(pkts[i]));
			(*nb_sent)++;
		}
	}
	return i;
}

/* Plain packets into the plain chains that come next: how many were sent. */
static ALWAYS_INLINE uint16_t enqueue_plain(struct vhost_virtqueue *vq, struct used_batch *batch,
        struct mbuf **pkts, uint16_t n, uint16_t waiting, struct stats_run *run, const bool packed)
{
	static const struct virtio_net_hdr plain = {.num_buffers = 1};
	const uint32_t hdr_size = vq->hdr_size;
	struct plain_run chains;
	uint16_t i;

	plain_look(vq, &chains, n, waiting, VRING_DESC_F_WRITE, 0, packed);
	for (i = 0; i < chains.nb; i++)
		prefetch(mbuf_data(pkts[i]));
	for (i = 0; i < chains.nb; i++) {
		const struct mbuf *m = pkts[i];
		const uint8_t *data = mbuf_data(m);
		uint32_t len = hdr_size + m->data_len;

		if (unlikely(m->nb_segs != 1 || m->ol_flags || len > chains.lens[i]))
			break;
		write_header(vq, chains.at[i], &plain);
		copy_exact(chains.at[i] + hdr_size, data, m->data_len);
		chains.lens[i] = len;
		stats_add(&vq->stats, run, m->pkt_len, data);
	}
	plain_use(vq, batch, &chains, chains.lens, i, packed);
	return i;
}

static ALWAYS_INLINE uint16_t enqueue(
        struct vhost_virtqueue *vq, struct mbuf **pkts, uint16_t nb, const bool packed)
{
	struct used_batch batch;
	uint16_t waiting, nb_done = 0, nb_sent = 0;
	struct stats_run run = {0};

	used_batch_begin(&batch, false);
	if ((waiting = ring_waiting(vq, nb, packed)) != 0) {
		while (nb_done < nb) {
			uint16_t n = min_of((uint16_t)(nb - nb_done), (uint16_t)CHUNK);
			uint16_t done = 0;

			if (likely(!vq->tracked))
				nb_sent += done = enqueue_plain(vq, &batch, &pkts[nb_done], n,
				        (uint16_t)(waiting - batch.nb), &run, packed);
			if (unlikely(done == 0)) {
				/* one packet may take many chains */
				if (!packed)
					waiting = (uint16_t)(batch.nb +
					                     ring_waiting(vq, UINT16_MAX, packed));
				done = enqueue_chunk(vq, &batch, &pkts[nb_done], n, waiting, &run,
				        &nb_sent, packed);
			}
			if (unlikely(done == 0))
				break;
			nb_done += done;
		}
	}
	if (batch.nb) {
		stats_finish(&vq->stats, &run, nb_sent);
		ring_publish(vq, &batch, packed);
	} else {
		ring_settle(vq);
	}
	mbuf_free_bulk(pkts, nb_done);
	vq->stats.missed += (uint16_t)(nb - nb_done);
	return nb_done;
}

uint16_t vhost_tx_burst(void *queue, struct mbuf **pkts, uint16_t nb)
{
	struct vhost_virtqueue *vq = queue;

	if (!ring_may_burst(vq, nb)) {
		vq->stats.missed += nb;
		return 0;
	}
	return vq->is_packed ? enqueue(vq, pkts, nb, true) : enqueue(vq, pkts, nb, false);
}
