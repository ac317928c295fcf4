/* Bursts over split rings for packets of one buffer and no offload, several at a time.
 *
 * A device that works in order, as nearly all do, gives back in each place of the used ring what
 * was offered in the same place of the available ring. So a block of used elements is judged as a
 * whole against what we know to have been offered there: the loops below have no way out and a
 * fixed length, and the compiler makes vectors of them, as wide as each function's target allows. A
 * block with anything else in it is taken one by one, which also tells what is wrong with it; so
 * any burst size works, and nothing is believed here that rxtx_split.c would not believe. */
#include "drivers/virtio/split.h"

#define BLOCK 8

typedef uint16_t u16xB __attribute__((vector_size(BLOCK * 2)));
typedef uint32_t u32xB __attribute__((vector_size(BLOCK * 4)));

/* Used elements as they were read: one read, so that what is judged is what is taken. */
struct block {
	u32xB ids;
	u32xB lens;
	u32xB offered; /* ids, by place */
};

static ALWAYS_INLINE void read_block(const struct virtqueue *vq, struct block *block)
{
	uint16_t slot = vq->used_cons & (vq->size - 1);
	u32xB low, high;
	u16xB offered;

	memcpy(&low, &vq->used->ring[slot], sizeof(low));
	memcpy(&high, &vq->used->ring[slot + BLOCK / 2], sizeof(high));
	memcpy(&offered, &vq->avail_shadow[slot], sizeof(offered));
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	block->ids = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
	block->lens = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
	block->offered = __builtin_convertvector(offered, u32xB);
}

static ALWAYS_INLINE bool is_zero(const u32xB *lanes)
{
	uint64_t words[BLOCK / 2], any = 0;

	memcpy(words, lanes, sizeof(words));
	for (int i = 0; i < BLOCK / 2; i++)
		any |= words[i];
	return likely(!any);
}

/* Whether each place tells of what was offered there, with a length from `least` to `most`, and all
 * of it is outstanding: its mbufs. */
static ALWAYS_INLINE bool judge_block(const struct virtqueue *vq, const struct block *block,
        uint32_t least, uint32_t most, struct mbuf **mbufs)
{
	/* too short is more than any buffer holds; a comparison gives all ones where it holds */
	u32xB wrong =
	        (block->ids ^ block->offered) | (u32xB)((block->lens - least) > (most - least));
	bool missing = false;

	for (int i = 0; i < BLOCK; i++) {
		mbufs[i] = vq->slots[block->offered[i]].mbuf;
		missing |= !mbufs[i];
	}
	return is_zero(&wrong) && likely(!missing);
}

/* A block is whole when it neither wraps nor begins within a batch that one element told of. */
static ALWAYS_INLINE bool block_fits(
        const struct virtqueue *vq, uint16_t nb_used, const struct split_traits traits)
{
	return nb_used >= BLOCK && (vq->used_cons & (vq->size - 1)) + BLOCK <= vq->size &&
	       !(traits.in_order && vq->batch_open);
}

/* The block is ours: its ids are free. */
static ALWAYS_INLINE void take_block(struct virtqueue *vq)
{
	const uint16_t *offered = &vq->avail_shadow[vq->used_cons & (vq->size - 1)];

	for (int i = 0; i < BLOCK; i++) {
		vq->slots[offered[i]].mbuf = NULL;
		virtqueue_give_id(vq, offered[i]);
	}
	vq->used_cons += BLOCK;
}

static ALWAYS_INLINE bool recv_block(
        struct virtqueue *vq, struct mbuf **pkts, uint32_t most, struct stats_run *run)
{
	struct block block;

	read_block(vq, &block);
	if (!judge_block(vq, &block, vq->hdr_size + MIN_FRAME, most, pkts))
		return false;
	take_block(vq);
	for (int i = 0; i < BLOCK; i++) {
		uint16_t len = (uint16_t)(block.lens[i] - vq->hdr_size);

		mbuf_set(pkts[i], (uint16_t)(VIRTQUEUE_RX_OFFSET + vq->hdr_size), len, vq->port_id);
		stats_add(&vq->stats, run, len, mbuf_data(pkts[i]));
	}
	return true;
}

/* One buffer, and a packet unless it is too short for one; false, and the fault, when it cannot be.
 */
static ALWAYS_INLINE bool recv_one(struct virtqueue *vq, struct mbuf **pkts, uint16_t *nb_rx,
        struct stats_run *run, const struct split_traits traits)
{
	struct used_buffer buffer;

	if (!next_used(vq, vq->hdr_size, &buffer, traits))
		return false;
	take_used(vq, &buffer, traits);
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

static ALWAYS_INLINE uint16_t recv_vec(
        struct virtqueue *vq, struct mbuf **pkts, uint16_t nb, const struct split_traits traits)
{
	uint32_t most = (uint32_t)vq->pool->buf_len - VIRTQUEUE_RX_OFFSET;
	struct stats_run run = {0};
	uint16_t nb_rx = 0, left;

	/* a tag is to be stripped since the port was started */
	if (unlikely(vq->offloads))
		return traits.in_order ? virtio_recv_pkts_inorder(vq, pkts, nb)
		                       : virtio_recv_pkts(vq, pkts, nb);
	if (unlikely(!virtqueue_may_burst(vq, nb)))
		return 0;
	left = min_of(virtqueue_nb_used(vq, nb), nb);
	for (uint16_t i = 0; i < min_of(left, (uint16_t)BLOCK); i++)
		prefetch_used(vq, i);
	while (left) {
		for (uint16_t i = BLOCK; i < min_of(left, (uint16_t)(2 * BLOCK)); i++)
			prefetch_used(vq, i);
		if (block_fits(vq, left, traits) && recv_block(vq, &pkts[nb_rx], most, &run)) {
			nb_rx += BLOCK;
			left -= BLOCK;
			continue;
		}
		if (!recv_one(vq, pkts, &nb_rx, &run, traits))
			break;
		left--;
	}
	if (nb_rx)
		stats_finish(&vq->stats, &run, nb_rx);
	if (virtqueue_nb_free(vq) >= vq->free_thresh && likely(!vq->fault))
		virtqueue_refill(vq);
	return nb_rx;
}

/* Take back what was sent, block by block as long as each packet had one descriptor. */
static ALWAYS_INLINE void reclaim_simple(struct virtqueue *vq, const struct split_traits traits)
{
	uint16_t nb_used = virtqueue_nb_used(vq, UINT16_MAX);
	struct mbuf *done[BLOCK];
	struct block block;

	for (; block_fits(vq, nb_used, traits); nb_used -= BLOCK) {
		const uint16_t *offered = &vq->avail_shadow[vq->used_cons & (vq->size - 1)];
		uint32_t chains = 0;

		read_block(vq, &block);
		for (int i = 0; i < BLOCK; i++)
			chains |= vq->slots[offered[i]].nb_descs ^ 1;
		if (unlikely(chains) || !judge_block(vq, &block, 0, UINT32_MAX, done))
			break;
		take_block(vq);
		mbuf_free_bulk(done, BLOCK);
	}
	if (nb_used)
		reclaim_split(vq, traits);
}

static ALWAYS_INLINE uint16_t xmit_simple(
        struct virtqueue *vq, struct mbuf **pkts, uint16_t nb, const struct split_traits traits)
{
	struct stats_run run = {0};
	uint16_t before, room, nb_tx = 0;

	if (unlikely(virtqueue_is_broken(vq)))
		return 0;
	before = vq->avail_idx;
	if (virtqueue_nb_free(vq) < vq->free_thresh || virtqueue_nb_free(vq) < nb)
		reclaim_simple(vq, traits);
	room = min_of(virtqueue_nb_free(vq), nb);
	for (; nb_tx < room; nb_tx++) {
		struct mbuf *m = pkts[nb_tx];

		if (unlikely(!is_plain(vq, m)))
			break;
		stats_add(&vq->stats, &run, m->pkt_len, mbuf_data(m));
		xmit_one(vq, m);
	}
	if (nb_tx) {
		stats_finish(&vq->stats, &run, nb_tx);
		virtqueue_publish(vq, before);
	} else {
		virtqueue_settle(vq);
	}
	/* a packet that is not as plain as was said goes the long way, and those behind it */
	if (unlikely(nb_tx < room))
		nb_tx += virtio_xmit_pkts(vq, &pkts[nb_tx], (uint16_t)(nb - nb_tx));
	return nb_tx;
}

#define SPLIT_VEC(target, suffix)                                                                  \
	target uint16_t virtio_recv_pkts_vec##suffix(void *queue, struct mbuf **pkts, uint16_t nb) \
	{                                                                                          \
		return recv_vec(queue, pkts, nb, (struct split_traits){.in_order = false});        \
	}                                                                                          \
	target uint16_t virtio_recv_pkts_vec##suffix##_inorder(                                    \
	        void *queue, struct mbuf **pkts, uint16_t nb)                                      \
	{                                                                                          \
		return recv_vec(queue, pkts, nb, (struct split_traits){.in_order = true});         \
	}                                                                                          \
	target uint16_t virtio_xmit_pkts_simple##suffix(                                           \
	        void *queue, struct mbuf **pkts, uint16_t nb)                                      \
	{                                                                                          \
		return xmit_simple(queue, pkts, nb, (struct split_traits){.in_order = false});     \
	}

SPLIT_VEC(, )
SPLIT_VEC(TARGET("avx2"), _256)
SPLIT_VEC(TARGET("avx512f,avx512bw,avx512vl"), _512)
