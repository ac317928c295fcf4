#ifndef VIRTIO_RXTX_H
#define VIRTIO_RXTX_H
#include "drivers/virtio/virtqueue.h"

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

/* The net header goes into the headroom when nobody else holds the bytes before the data. */
static ALWAYS_INLINE bool can_push_header(const struct virtqueue *vq, const struct mbuf *m)
{
	return likely(m->refcnt == 1 && m->data_off >= vq->hdr_size);
}

/* An all-zero header: no offload asked for. A byte that is zero already is not written, so that a
 * line which the device filled and we only pass on stays in its cache. */
static ALWAYS_INLINE uint8_t *push_header(const struct virtqueue *vq, const struct mbuf *m)
{
	uint8_t *at = mbuf_data(m) - vq->hdr_size;
	uint64_t first;
	uint32_t rest = 0;

	memcpy(&first, at, sizeof(first));
	memcpy(&rest, at + sizeof(first), vq->hdr_size - sizeof(first));
	if (first)
		memset(at, 0, sizeof(first));
	if (rest)
		memset(at + sizeof(first), 0, vq->hdr_size - sizeof(first));
	return at;
}

/* Descriptors that `m` takes in the ring, and whether it goes through an indirect table, which must
 * not have more of them than a ring either (virtio 1.2, 2.7.5.3.1 and 2.8.19). */
static ALWAYS_INLINE uint16_t xmit_nb_descs(
        const struct virtqueue *vq, const struct mbuf *m, bool *indirect)
{
	uint16_t needed = (uint16_t)(m->nb_segs + !can_push_header(vq, m));

	*indirect = vq->indirect && needed > 1 && needed <= VIRTQUEUE_INDIRECT_MAX &&
	            needed <= vq->size;
	return *indirect ? 1 : needed;
}

#endif
