#ifndef VIRTIO_RXTX_H
#define VIRTIO_RXTX_H
#include "drivers/virtio/offload.h"

/* C only */

#define RX_AHEAD 4 /* packets whose first bytes are fetched ahead */

/* What receive and transmit bursts over every kind of ring have in common: the net header
 * (virtio 1.2, 5.1.6). */

/* How many buffers the packet has whose first one is `m`; 0, and the fault, for what cannot be. */
static ALWAYS_INLINE uint16_t packet_buffers(struct virtqueue *vq, const struct mbuf *m)
{
	const struct virtio_net_hdr *hdr = (const void *)(m->buf_addr + VIRTQUEUE_RX_OFFSET);
	uint16_t nb_buffers = load_relaxed(&hdr->num_buffers);

	if (unlikely(nb_buffers == 0 || nb_buffers > virtqueue_nb_outstanding(vq))) {
		virtqueue_fault(vq, VRING_BAD_NUM_BUFFERS);
		return 0;
	}
	return nb_buffers;
}

#define MIN_FRAME 14 /* an Ethernet header */

/* What came is no frame: counted and given back, as DPDK's driver does. */
static inline void drop_runt(struct virtqueue *vq, struct mbuf *m)
{
	vq->stats.errors++;
	mbuf_free(m);
}

/* The net header goes into the headroom when nobody else holds the bytes before the data. */
static ALWAYS_INLINE bool can_push_header(const struct virtqueue *vq, const struct mbuf *m)
{
	return likely(m->refcnt == 1 && m->data_off >= vq->hdr_size);
}

/* The usual packet: one buffer with room for the header, nothing asked for. Any other goes by way
 * of virtio_xmit_plan. */
static ALWAYS_INLINE bool is_plain(const struct virtqueue *vq, const struct mbuf *m)
{
	return likely(m->nb_segs == 1 && !(m->ol_flags & MBUF_F_TX_OFFLOAD_MASK) &&
	              can_push_header(vq, m));
}

/* An all-zero header: no offload asked for. A byte that is zero already is not written, so that a
 * line which the device filled and we only pass on stays in its cache. */
static ALWAYS_INLINE uint8_t *push_header(const struct virtqueue *vq, const struct mbuf *m)
{
	uint8_t *at = mbuf_data(m) - vq->hdr_size, *end = mbuf_data(m) - 4;
	uint64_t first;
	uint32_t last; /* the end of a header of 10 or 12 bytes */

	memcpy(&first, at, sizeof(first));
	memcpy(&last, end, sizeof(last));
	if (first)
		memset(at, 0, sizeof(first));
	if (last)
		memset(end, 0, sizeof(last));
	if (unlikely(vq->hdr_size > sizeof(struct virtio_net_hdr)))
		memset(at + sizeof(first), 0, sizeof(first));
	return at;
}

#endif
