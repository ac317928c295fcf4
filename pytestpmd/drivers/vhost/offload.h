#ifndef VHOST_OFFLOAD_H
#define VHOST_OFFLOAD_H
#include "drivers/vhost/vhost.h"

/* What a net header asks of the one who gets it, to and from mbuf flags (virtio 1.2, 5.1.6.2 and
 * 5.1.6.4). Called only for packets of which something is asked. */

/* A packet was received behind the header at `header`, which the front-end may be writing. */
void vhost_rx_offload(struct vhost_virtqueue *vq, struct mbuf *m, const uint8_t *header);

/* A packet is to be sent behind `header`, which is filled in. False when neither side can do what
 * it needs. May be called again for a packet that then found no room. */
bool vhost_tx_offload(
        const struct vhost_virtqueue *vq, struct mbuf *m, struct virtio_net_hdr *header);

/* C only */
#include "eal/net.h"
#include "eal/parse.h"

/* Where in a header of UDP or TCP its checksum stands. */
static inline uint32_t cksum_field(uint8_t proto)
{
	return proto == IP_PROTO_UDP ? offsetof(struct udp_hdr, cksum)
	                             : offsetof(struct tcp_hdr, cksum);
}

#endif
