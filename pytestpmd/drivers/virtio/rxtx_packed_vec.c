/* Bursts over packed rings that are used in order, for packets of one buffer, several at a time.
 *
 * With IN_ORDER each place is given back with the id that was made available there, unless one used
 * descriptor tells of several. So a block of descriptors is judged as a whole against what we know
 * to have been written there: fixed lengths and no way out, of which the compiler makes vectors as
 * wide as each function's target allows. A block with anything else in it is taken one by one, as
 * rxtx_packed.c takes it; so any burst size works, and nothing is believed here that would not be
 * believed there. */
#include "drivers/virtio/packed.h"

#define BLOCK 8

typedef uint16_t u16xB __attribute__((vector_size(BLOCK * 2)));
typedef uint64_t u64xB __attribute__((vector_size(BLOCK * 8)));

static const struct packed_traits in_order = {.in_order = true};

/* The second halves of a block's descriptors, each len, id and flags: read once, so that what is
 * judged is what is taken. */
static ALWAYS_INLINE void read_block(const struct vring_packed_desc *desc, u64xB *words)
{
	u64xB low, high;

	memcpy(&low, desc, sizeof(low));
	memcpy(&high, desc + BLOCK / 2, sizeof(high));
	*words = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
	/* pairs with the device's release of flags after it wrote the buffers */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static ALWAYS_INLINE bool is_zero(const u64xB *lanes)
{
	uint64_t words[BLOCK], any = 0;

	memcpy(words, lanes, sizeof(words));
	for (int i = 0; i < BLOCK; i++)
		any |= words[i];
	return likely(!any);
}

/* Whether each place was used with the id that was made available there, with a length from `least`
 * to `most`, and all of it is outstanding with one descriptor each: its mbufs. */
static ALWAYS_INLINE bool judge_block(const struct virtqueue *vq, const u64xB *words,
        uint64_t least, uint64_t most, struct mbuf **mbufs)
{
	const uint64_t mask = (uint64_t)VRING_PACKED_STATE << 48 | UINT64_C(0xffff) << 32;
	const uint64_t used = (uint64_t)vring_packed_used(vq->used_wrap) << 48;
	const uint16_t *ids = &vq->avail_shadow[vq->used_cons];
	u64xB wrong;
	u16xB offered;
	bool missing = false;

	memcpy(&offered, ids, sizeof(offered));
	wrong = (*words & mask) ^ (__builtin_convertvector(offered, u64xB) << 32 | used);
	/* too short is more than any buffer holds; a comparison gives all ones where it holds */
	wrong |= (u64xB)(((*words & UINT32_MAX) - least) > (most - least));
	for (int i = 0; i < BLOCK; i++) {
		mbufs[i] = vq->slots[ids[i]].mbuf;
		missing |= !mbufs[i] || vq->slots[ids[i]].nb_descs != 1;
	}
	return is_zero(&wrong) && likely(!missing);
}

/* A block is whole when it does not wrap, does not begin within a batch that one descriptor told
 * of, and is no more than what is outstanding. */
static ALWAYS_INLINE bool block_fits(const struct virtqueue *vq)
{
	return vq->used_cons + BLOCK <= vq->size && vq->nb_places + BLOCK <= vq->size &&
	       !vq->batch_open;
}

/* The block is ours: its ids are free, and its places. */
static ALWAYS_INLINE void take_block(struct virtqueue *vq)
{
	const uint16_t *ids = &vq->avail_shadow[vq->used_cons];

	for (int i = 0; i < BLOCK; i++) {
		vq->slots[ids[i]].mbuf = NULL;
		virtqueue_give_id(vq, ids[i]);
	}
	packed_skip(vq, BLOCK);
}

static ALWAYS_INLINE bool recv_block(
        struct virtqueue *vq, struct mbuf **pkts, uint32_t most, struct stats_run *run)
{
	u64xB words;

	read_block(&vq->packed[vq->used_cons], &words);
	if (!judge_block(vq, &words, vq->hdr_size + MIN_FRAME, most, pkts))
		return false;
	take_block(vq);
	for (int i = 0; i < BLOCK; i++)
		prefetch(pkts[i]->buf_addr + VIRTQUEUE_RX_OFFSET);
	for (int i = 0; i < BLOCK; i++) {
		uint16_t len = (uint16_t)(words[i] - vq->hdr_size);

		mbuf_set(pkts[i], (uint16_t)(VIRTQUEUE_RX_OFFSET + vq->hdr_size), len, vq->port_id);
		stats_add(&vq->stats, run, len, mbuf_data(pkts[i]));
	}
	return true;
}

/* One buffer, and a packet unless it is too short for one; false, and the fault, when it cannot be.
 */
static ALWAYS_INLINE bool recv_one(
        struct virtqueue *vq, struct mbuf **pkts, uint16_t *nb_rx, struct stats_run *run)
{
	struct packed_used buffer;

	if (!packed_next_used(vq, vq->hdr_size, &buffer, in_order))
		return false;
	packed_take_used(vq, &buffer, in_order);
	mbuf_set(buffer.m, (uint16_t)(VIRTQUEUE_RX_OFFSET + vq->hdr_size),
	        (uint16_t)(buffer.len - vq->hdr_size), vq->port_id);
	if (unlikely(buffer.m->pkt_len < MIN_FRAME)) {
		drop_runt(vq, buffer.m);
		return true;
	}
	stats_add(&vq->stats, run, buffer.m->pkt_len, mbuf_data(buffer.m));
	pkts[(*nb_rx)++] = buffer.m;
	return true;
}

static ALWAYS_INLINE uint16_t recv_packed_vec(struct virtqueue *vq, struct mbuf **pkts, uint16_t nb)
{
	uint32_t most = (uint32_t)vq->pool->buf_len - VIRTQUEUE_RX_OFFSET;
	struct stats_run run = {0};
	uint16_t nb_rx = 0;

	/* a tag is to be stripped since the port was started */
	if (unlikely(vq->offloads))
		return virtio_recv_pkts_packed_inorder(vq, pkts, nb);
	if (unlikely(!virtqueue_may_burst(vq, nb)))
		return 0;
	while (nb_rx < nb && (vq->batch_open || packed_is_used(vq, 0))) {
		if (nb - nb_rx >= BLOCK && block_fits(vq) &&
		        recv_block(vq, &pkts[nb_rx], most, &run))
			nb_rx += BLOCK;
		else if (!recv_one(vq, pkts, &nb_rx, &run))
			break;
	}
	if (nb_rx)
		stats_finish(&vq->stats, &run, nb_rx);
	if (vq->nb_places >= vq->free_thresh && likely(!vq->fault))
		packed_refill(vq);
	return nb_rx;
}

/* Take back what was sent, block by block as long as each packet had one descriptor. */
static ALWAYS_INLINE void reclaim_vec(struct virtqueue *vq)
{
	struct mbuf *done[BLOCK];
	u64xB words;

	while (block_fits(vq)) {
		read_block(&vq->packed[vq->used_cons], &words);
		if (!judge_block(vq, &words, 0, UINT32_MAX, done))
			break;
		take_block(vq);
		mbuf_free_bulk(done, BLOCK);
	}
	packed_reclaim(vq, in_order);
}

/* Whether each of a block's packets is a usual one. */
static ALWAYS_INLINE bool are_plain(const struct virtqueue *vq, struct mbuf **pkts)
{
	bool other = false;

	for (int i = 0; i < BLOCK; i++)
		other |= !is_plain(vq, pkts[i]);
	return likely(!other);
}

static ALWAYS_INLINE void xmit_block(
        struct virtqueue *vq, struct packed_batch *batch, struct stats_run *run, struct mbuf **pkts)
{
	for (int i = 0; i < BLOCK; i++) {
		stats_add(&vq->stats, run, pkts[i]->pkt_len, mbuf_data(pkts[i]));
		packed_xmit_one(vq, batch, pkts[i]);
	}
}

static ALWAYS_INLINE uint16_t xmit_packed_vec(struct virtqueue *vq, struct mbuf **pkts, uint16_t nb)
{
	struct packed_batch batch;
	struct stats_run run = {0};
	uint16_t nb_tx = 0;

	if (unlikely(virtqueue_is_broken(vq)))
		return 0;
	packed_batch_begin(vq, &batch);
	if (vq->nb_places < vq->free_thresh || vq->nb_places < nb)
		reclaim_vec(vq);
	while (nb_tx < nb) {
		if (nb - nb_tx >= BLOCK && vq->nb_places >= BLOCK && are_plain(vq, &pkts[nb_tx])) {
			xmit_block(vq, &batch, &run, &pkts[nb_tx]);
			nb_tx += BLOCK;
		} else if (packed_xmit_inorder(vq, &batch, &run, pkts[nb_tx])) {
			nb_tx++;
		} else {
			break;
		}
	}
	if (nb_tx) {
		stats_finish(&vq->stats, &run, nb_tx);
		packed_publish(vq, &batch);
	} else {
		virtqueue_settle(vq);
	}
	return nb_tx;
}

#define PACKED_VEC(target, suffix)                                                                 \
	target uint16_t virtio_recv_pkts_packed_vec##suffix(                                       \
	        void *queue, struct mbuf **pkts, uint16_t nb)                                      \
	{                                                                                          \
		return recv_packed_vec(queue, pkts, nb);                                           \
	}                                                                                          \
	target uint16_t virtio_xmit_pkts_packed_vec##suffix(                                       \
	        void *queue, struct mbuf **pkts, uint16_t nb)                                      \
	{                                                                                          \
		return xmit_packed_vec(queue, pkts, nb);                                           \
	}

PACKED_VEC(, )
PACKED_VEC(TARGET("avx2"), _256)
PACKED_VEC(TARGET("avx512f,avx512bw,avx512vl"), _512)
