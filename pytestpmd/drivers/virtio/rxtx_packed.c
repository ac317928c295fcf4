/* Receive and transmit bursts over packed rings: virtio 1.2, 2.8 and 5.1.6.
 *
 * As over split rings (rxtx_split.c), one body for each direction, and nothing that the device
 * wrote is believed. The ring says less here: a used descriptor tells an id and a length, and
 * stands where the first descriptor of what it used was; how many places that were is known from
 * our own slots alone. With IN_ORDER one used descriptor may tell of several buffers: it names the
 * last, stands in the place of the first, and those before the last are used as a whole (2.8.8).
 */
#include "drivers/virtio/run.h"

/* Whether `nb` receive buffers from here on have been used, each of which takes one place. */
static NOINLINE bool are_used(
        const struct virtqueue *vq, uint16_t nb, const struct packed_traits traits)
{
	bool in_batch = traits.in_order && vq->batch_open;
	uint16_t last = vq->batch_last;

	for (uint16_t i = 0; i < nb; i++) {
		uint32_t at = (uint32_t)vq->used_cons + i;
		uint32_t place = at < vq->size ? at : at - vq->size;

		if (!in_batch) {
			if (!packed_is_used(vq, i))
				return false;
			last = load_relaxed(&vq->packed[place].id);
		}
		in_batch = traits.in_order && vq->avail_shadow[place] != last;
	}
	return true;
}

/* Link a packet's further buffers, which are all used, behind its head. False, and the fault, when
 * one is bad, or is used no more. */
static NOINLINE bool recv_further(struct virtqueue *vq, struct mbuf *head, uint16_t nb_further,
        const struct packed_traits traits)
{
	struct mbuf *last = head;
	struct packed_used buffer;

	for (; nb_further; nb_further--) {
		if (!packed_next_used(vq, 0, &buffer, traits)) {
			if (!vq->fault)
				virtqueue_fault(vq, VRING_BAD_NUM_BUFFERS);
			return false;
		}
		packed_take_used(vq, &buffer, traits);
		mbuf_set(buffer.m, VIRTQUEUE_RX_OFFSET, (uint16_t)buffer.len, vq->port_id);
		last->next = buffer.m;
		last = buffer.m;
		head->nb_segs++;
		head->pkt_len += buffer.len;
	}
	return true;
}

static ALWAYS_INLINE uint16_t recv_packed(
        struct virtqueue *vq, struct mbuf **pkts, uint16_t nb, const struct packed_traits traits)
{
	uint16_t nb_rx = 0, nb_buffers = 1, got;
	bool odd;
	struct stats_run run = {0};
	struct packed_used buffer;

	if (unlikely(!virtqueue_may_burst(vq, nb)))
		return 0;
	do {
		got = run_recv(vq, &pkts[nb_rx], (uint16_t)(nb - nb_rx), &run, &odd,
		        traits.mergeable,
		        (struct run_traits){.packed = true,
		                .in_order = traits.in_order,
		                .whole = !traits.mergeable});
		nb_rx += got;
	} while (got == RUN_MAX);
	while (unlikely(odd) && nb_rx < nb && packed_next_used(vq, vq->hdr_size, &buffer, traits)) {
		packed_prefetch_used(vq, RX_AHEAD);
		if (traits.mergeable && (nb_buffers = packet_buffers(vq, buffer.m)) != 1) {
			/* 0 is a fault; a packet that is not whole yet waits */
			if (nb_buffers == 0 || !are_used(vq, nb_buffers, traits))
				break;
		}
		packed_take_used(vq, &buffer, traits);
		mbuf_set(buffer.m, (uint16_t)(VIRTQUEUE_RX_OFFSET + vq->hdr_size),
		        (uint16_t)(buffer.len - vq->hdr_size), vq->port_id);
		if (traits.mergeable && unlikely(nb_buffers != 1) &&
		        !recv_further(vq, buffer.m, (uint16_t)(nb_buffers - 1), traits)) {
			mbuf_free(buffer.m);
			break;
		}
		if (unlikely(buffer.m->pkt_len < MIN_FRAME)) {
			drop_runt(vq, buffer.m);
			continue;
		}
		if (unlikely(vq->offloads))
			virtio_rx_offload(vq, buffer.m);
		stats_add(&vq->stats, &run, buffer.m->pkt_len, mbuf_data(buffer.m));
		pkts[nb_rx++] = buffer.m;
	}
	if (nb_rx)
		stats_finish(&vq->stats, &run, nb_rx);
	if (vq->nb_places >= vq->free_thresh && likely(!vq->fault))
		packed_refill(vq);
	return nb_rx;
}

/* Where a packet's buffers go: side by side into the head's indirect table, in which only WRITE
 * would mean anything (2.8.7), or into places of the ring. */
struct chain {
	struct packed_batch *batch;
	struct vring_packed_desc *table; /* NULL: the ring */
	uint16_t id;
	uint16_t left;
};

static void chain_add(struct virtqueue *vq, struct chain *chain, const uint8_t *at, uint32_t len)
{
	chain->left--;
	if (chain->table)
		*chain->table++ =
		        (struct vring_packed_desc){.addr = iova_of(vq->iova, at), .len = len};
	else
		packed_put(
		        vq, chain->batch, at, len, chain->id, chain->left ? VRING_DESC_F_NEXT : 0);
}

/* A packet of several buffers. All its places carry the id; the device reads it in the last
 * (2.8.6). */
static NOINLINE void xmit_chain(struct virtqueue *vq, struct packed_batch *batch, struct mbuf *m,
        const struct xmit_plan *plan)
{
	uint16_t id = virtqueue_take_id(vq);
	struct chain chain = {.batch = batch, .id = id, .left = plan->nb_items};
	struct xmit_rest rest = xmit_rest(m, plan);
	const uint8_t *at;
	uint32_t len;

	vq->slots[id] = (struct virtqueue_slot){
	        .mbuf = m, .nb_descs = plan->indirect ? 1 : plan->nb_items, .len = UINT32_MAX};
	vq->avail_shadow[vq->avail_idx] = id;
	if (plan->indirect)
		chain.table = (void *)&vq->indirect[(size_t)id * VIRTQUEUE_INDIRECT_MAX];
	at = virtio_xmit_first(vq, m, id, plan, &len);
	do {
		chain_add(vq, &chain, at, len);
	} while (xmit_rest_next(&rest, &at, &len));
	if (plan->indirect)
		packed_put(vq, batch,
		        (const uint8_t *)&vq->indirect[(size_t)id * VIRTQUEUE_INDIRECT_MAX],
		        (uint32_t)(plan->nb_items * sizeof(struct vring_packed_desc)), id,
		        VRING_DESC_F_INDIRECT);
}

/* Any packet: false when there is no room for it. */
static ALWAYS_INLINE bool xmit_next(struct virtqueue *vq, struct packed_batch *batch,
        struct stats_run *run, struct mbuf *m, const struct packed_traits traits)
{
	struct xmit_plan plan;
	bool plain = is_plain(vq, m);
	uint16_t needed = likely(plain) ? 1 : virtio_xmit_plan(vq, m, &plan);

	if (unlikely(vq->nb_places < needed)) {
		packed_reclaim(vq, traits);
		if (vq->nb_places < needed)
			return false;
	}
	stats_add(&vq->stats, run, m->pkt_len + (plain ? 0 : plan.tag_len), mbuf_data(m));
	if (likely(plain))
		packed_xmit_one(vq, batch, m);
	else
		xmit_chain(vq, batch, m, &plan);
	return true;
}

/* Send a run of usual packets, for n of which there is room: how many. */
static ALWAYS_INLINE uint16_t xmit_run(struct virtqueue *vq, struct packed_batch *batch,
        struct mbuf **pkts, uint16_t n, struct stats_run *stats)
{
	const uint16_t size = vq->size, mask = vq->id_mask, hdr_size = vq->hdr_size;
	const uint16_t *free_ids = vq->free_ids;
	struct virtqueue_slot *slots = vq->slots;
	uint16_t *shadow = vq->avail_shadow;
	const struct iova_map *iova = vq->iova;
	uint16_t head = vq->free_head, at = vq->avail_idx;
	struct packed_run run;

	n = min_of(n, (uint16_t)PACKED_PENDING);
	for (run.nb = 0; run.nb < n;) {
		struct mbuf *m = pkts[run.nb];
		uint16_t id = free_ids[head & mask];

		if (unlikely(!is_plain(vq, m)))
			break;
		head++;
		slots[id] = (struct virtqueue_slot){.mbuf = m, .nb_descs = 1, .len = UINT32_MAX};
		shadow[at] = id;
		at = at + 1 == size ? 0 : (uint16_t)(at + 1);
		stats_add(&vq->stats, stats, m->pkt_len, mbuf_data(m));
		packed_run_add(&run, iova_of(iova, push_header(vq, m)),
		        (uint32_t)m->data_len + hdr_size, id, 0);
	}
	vq->free_head = head;
	packed_put_run(vq, batch, &run);
	return run.nb;
}

static ALWAYS_INLINE uint16_t xmit_packed(
        struct virtqueue *vq, struct mbuf **pkts, uint16_t nb, const struct packed_traits traits)
{
	struct packed_batch batch;
	struct stats_run run = {0};
	uint16_t nb_tx = 0, got;

	if (unlikely(virtqueue_is_broken(vq)))
		return 0;
	packed_batch_begin(vq, &batch);
	if (vq->nb_places < vq->free_thresh || vq->nb_places < nb)
		reclaim(vq, (struct run_traits){
		                    .packed = true, .in_order = traits.in_order, .whole = true});
	do {
		got = xmit_run(vq, &batch, &pkts[nb_tx],
		        min_of((uint16_t)(nb - nb_tx), vq->nb_places), &run);
		nb_tx += got;
	} while (got == PACKED_PENDING);
	while (nb_tx < nb && xmit_next(vq, &batch, &run, pkts[nb_tx], traits))
		nb_tx++;
	if (nb_tx) {
		stats_finish(&vq->stats, &run, nb_tx);
		packed_publish(vq, &batch);
	} else {
		virtqueue_settle(vq);
	}
	return nb_tx;
}

#define PACKED_RX(name, ...)                                                                       \
	uint16_t name(void *queue, struct mbuf **pkts, uint16_t nb)                                \
	{                                                                                          \
		return recv_packed(queue, pkts, nb, (struct packed_traits){__VA_ARGS__});          \
	}

PACKED_RX(virtio_recv_pkts_packed, .mergeable = false)
PACKED_RX(virtio_recv_mergeable_pkts_packed, .mergeable = true)
PACKED_RX(virtio_recv_pkts_packed_inorder, .in_order = true)
PACKED_RX(virtio_recv_mergeable_pkts_packed_inorder, .mergeable = true, .in_order = true)

uint16_t virtio_xmit_pkts_packed(void *queue, struct mbuf **pkts, uint16_t nb)
{
	return xmit_packed(queue, pkts, nb, (struct packed_traits){.in_order = false});
}

uint16_t virtio_xmit_pkts_packed_inorder(void *queue, struct mbuf **pkts, uint16_t nb)
{
	return xmit_packed(queue, pkts, nb, (struct packed_traits){.in_order = true});
}

/* The same bodies for packets of one buffer, made with wider vectors. */
#define PACKED_VEC(target, suffix)                                                                 \
	target uint16_t virtio_recv_pkts_packed_vec##suffix(                                       \
	        void *queue, struct mbuf **pkts, uint16_t nb)                                      \
	{                                                                                          \
		return recv_packed(queue, pkts, nb, (struct packed_traits){.in_order = true});     \
	}                                                                                          \
	target uint16_t virtio_xmit_pkts_packed_vec##suffix(                                       \
	        void *queue, struct mbuf **pkts, uint16_t nb)                                      \
	{                                                                                          \
		return xmit_packed(queue, pkts, nb, (struct packed_traits){.in_order = true});     \
	}

PACKED_VEC(, )
PACKED_VEC(TARGET("avx2"), _256)
PACKED_VEC(TARGET("avx512f,avx512bw,avx512vl"), _512)
