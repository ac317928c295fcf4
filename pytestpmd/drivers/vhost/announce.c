/* A frame that no driver has sent: who is behind us learns where the guest is now. */
#include "drivers/vhost/announce.h"

void vhost_virtqueue_announce(struct vhost_virtqueue *vq)
{
	/* release pairs with the burst's acquire: the frame is whole */
	store_release(&vq->announces, 1u);
}

uint16_t receive_announcement(struct vhost_virtqueue *vq, struct mbuf **pkts)
{
	const uint16_t len = sizeof(vq->announcement);
	struct stats_run run = {0};
	struct mbuf *m;

	if (!mempool_get_bulk(vq->pool, &m, 1)) {
		vq->stats.nombuf++;
		return 0;
	}
	mbuf_set(m, MBUF_HEADROOM, len, vq->port_id);
	memcpy(mbuf_data(m), vq->announcement, len);
	store_release(&vq->announces, 0u);
	stats_add(&vq->stats, &run, len, mbuf_data(m));
	stats_finish(&vq->stats, &run, 1);
	pkts[0] = m;
	return 1;
}
