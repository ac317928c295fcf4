#ifndef DRIVERS_VNET_H
#define DRIVERS_VNET_H
#include "drivers/vring.h"
#include "eal/mbuf.h"

/* What is done to packets besides copying them, as far as the other side agreed to it and the port
 * was asked for it; all zero for nothing. */
struct vnet_offload {
	uint16_t header_mask; /* bits of the header's first two bytes that are looked at */
	uint8_t csum;         /* checksums may be left to the other side */
	uint8_t tso4;         /* TCP segments may be longer than a frame over IPv4 */
	uint8_t tso6;         /* and over IPv6 */
	uint8_t sw_csum;      /* received: what was left to us is done here */
	uint8_t legacy;       /* received: it is told as if it were asked of the next driver */
	uint8_t vlan_strip;   /* received: tags are taken out */
	uint8_t linear;       /* received: no frame takes more than one mbuf */
};

/* What a net header asks of the one who gets it, to and from mbuf flags (virtio 1.2, 5.1.6.2 and
 * 5.1.6.4). Called only for packets of which something is asked. */

/* A packet was received behind the header at `header`, which its writer may be writing still. False
 * when something was asked that cannot be: the packet is taken as it is then. */
bool vnet_rx_offload(const struct vnet_offload *offload, struct mbuf *m, const uint8_t *header);

/* A packet is to be sent behind `header`, which is filled in. False when neither side can do what
 * it needs. May be called again for a packet that then found no room. */
bool vnet_tx_offload(
        const struct vnet_offload *offload, struct mbuf *m, struct virtio_net_hdr *header);

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
