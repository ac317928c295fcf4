#ifndef VIRTIO_OFFLOAD_H
#define VIRTIO_OFFLOAD_H
#include "drivers/virtio/virtqueue.h"

/* C only */

/* What is done with packets that are not just moved, apart from the bursts, which are not to be
 * longer for it. */

/* A packet was received on a queue with offloads: heed what its net header says. */
void virtio_rx_offload(struct virtqueue *vq, struct mbuf *m);

/* How a packet that is not plain goes to the device. */
struct xmit_plan {
	struct virtio_net_hdr hdr;
	uint16_t nb_copied; /* first bytes that go from virtqueue_header, not from their segments */
	uint16_t tag_len;   /* of a tag that goes among them */
	bool sums;          /* there are checksums to be written */
	uint16_t nb_items;  /* buffers, the first of which begins with the net header */
	bool in_place;      /* that one is the first segment and the headroom before it */
	bool indirect;
};

/* Plan it, and insert its tag if that can be done where it lies: how many descriptors of the ring
 * it takes. A plan that comes to nothing because the ring is full may be made again. */
uint16_t virtio_xmit_plan(struct virtqueue *vq, struct mbuf *m, struct xmit_plan *plan);

/* Write the first buffer, for a chain whose descriptor is `id`: where it is, and its length. */
const uint8_t *virtio_xmit_first(struct virtqueue *vq, struct mbuf *m, uint16_t id,
        const struct xmit_plan *plan, uint32_t *len);

/* The packet's further buffers, one by one. */
struct xmit_rest {
	const struct mbuf *seg;
	uint16_t left; /* bytes that are part of the first buffer already */
};

static ALWAYS_INLINE struct xmit_rest xmit_rest(const struct mbuf *m, const struct xmit_plan *plan)
{
	return (struct xmit_rest){plan->in_place ? m->next : m, plan->nb_copied};
}

static ALWAYS_INLINE bool xmit_rest_next(struct xmit_rest *rest, const uint8_t **at, uint32_t *len)
{
	const struct mbuf *seg = rest->seg;

	while (seg && rest->left && rest->left >= seg->data_len) {
		rest->left = (uint16_t)(rest->left - seg->data_len);
		seg = seg->next;
	}
	if (!seg)
		return false;
	*at = mbuf_data(seg) + rest->left;
	*len = (uint32_t)seg->data_len - rest->left;
	rest->left = 0;
	rest->seg = seg->next;
	return true;
}

#endif
