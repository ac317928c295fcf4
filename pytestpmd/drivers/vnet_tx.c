/* What a packet that we send leaves to the other side, or has done to it here
 * (virtio 1.2, 5.1.6.4).
 *
 * Two kinds of packets want something: those of which an engine asked it, and those that another
 * port received from somebody who had not finished them. Either way the other side gets to do what
 * it agreed to; a checksum is completed here otherwise, and what is longer than a frame is not
 * sent as it is: eal/gso.h. */
#include "drivers/vnet.h"
#include "eal/segments.h"
#include "eal/vlan.h"

/* Leave the checksum to the other side, with the pseudo header's in the field; or complete it. */
static bool give_cksum(const struct vnet_offload *offload, struct mbuf *m,
        const struct net_hdrs *hdrs, struct virtio_net_hdr *header)
{
	uint32_t start = (uint32_t)hdrs->l2_len + hdrs->l3_len, offset = cksum_field(hdrs->proto);
	uint16_t sum;

	if (hdrs->end > m->pkt_len || start + offset + sizeof(sum) > hdrs->end)
		return false;
	sum = net_cksum_pseudo(hdrs->ip, hdrs->proto, hdrs->end - start);
	pkt_write(m, start + offset, sizeof(sum), &sum);
	if (!offload->csum)
		return net_cksum_complete(m, start, hdrs->end - start, offset);
	header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header->csum_start = (uint16_t)start;
	header->csum_offset = (uint16_t)offset;
	return true;
}

/* The same of what is longer than a frame; what is not goes as any other. */
static bool give_segments(const struct vnet_offload *offload, struct mbuf *m,
        const struct net_hdrs *hdrs, struct virtio_net_hdr *header)
{
	uint32_t hdr_len = (uint32_t)hdrs->l2_len + hdrs->l3_len + hdrs->l4_len;

	if (m->pkt_len > hdr_len + m->tso_segsz) {
		if (!m->tso_segsz || !(hdrs->is_ipv6 ? offload->tso6 : offload->tso4))
			return false;
		header->gso_type =
		        hdrs->is_ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		header->gso_size = m->tso_segsz;
		header->hdr_len = (uint16_t)hdr_len;
	}
	return give_cksum(offload, m, hdrs, header);
}

/* The IP header that is told to be there, and how far it says that the packet goes. */
static bool read_ip(const struct mbuf *m, struct net_hdrs *hdrs)
{
	const struct ipv6_hdr *ipv6 = (const void *)hdrs->ip;
	const struct ipv4_hdr *ipv4 = (const void *)hdrs->ip;

	if (!pkt_read(m, hdrs->l2_len, sizeof(*ipv4), hdrs->ip))
		return false;
	hdrs->is_ipv6 = net_is_ipv6(ipv4);
	hdrs->end = (uint32_t)hdrs->l2_len + net_u16(ipv4->total_length);
	if (!hdrs->is_ipv6)
		return true;
	if (!pkt_read(m, hdrs->l2_len, sizeof(*ipv6), hdrs->ip))
		return false;
	hdrs->end = (uint32_t)(hdrs->l2_len + sizeof(*ipv6)) + net_u16(ipv6->payload_len);
	return true;
}

/* An engine said where the headers are. */
static bool give_asked(
        const struct vnet_offload *offload, struct mbuf *m, struct virtio_net_hdr *header)
{
	struct net_hdrs hdrs = {.l2_len = m->l2_len,
	        .l3_len = m->l3_len,
	        .l4_len = m->l4_len,
	        .proto = IP_PROTO_TCP};
	uint64_t kind = m->ol_flags & MBUF_F_TX_L4_MASK;

	if (!read_ip(m, &hdrs))
		return false;
	if (m->ol_flags & MBUF_F_TX_TCP_SEG) {
		/* it may be longer than its IP header can say */
		hdrs.end = m->pkt_len;
		return give_segments(offload, m, &hdrs, header);
	}
	if (kind == MBUF_F_TX_UDP_CKSUM)
		hdrs.proto = IP_PROTO_UDP;
	return kind != MBUF_F_TX_SCTP_CKSUM && give_cksum(offload, m, &hdrs, header);
}

/* Another port received it; where its headers are is found out. */
static bool give_received(
        const struct vnet_offload *offload, struct mbuf *m, struct virtio_net_hdr *header)
{
	struct net_hdrs hdrs;

	if (!net_parse(m, &hdrs) || hdrs.proto == IP_PROTO_SCTP)
		return false;
	if (m->ol_flags & MBUF_F_RX_LRO)
		return hdrs.proto == IP_PROTO_TCP && give_segments(offload, m, &hdrs, header);
	return give_cksum(offload, m, &hdrs, header);
}

static bool write_ipv4_cksum(struct mbuf *m)
{
	uint8_t header[60]; /* as long as options make it */
	struct ipv4_hdr *ipv4 = (void *)header;
	uint8_t first;
	uint16_t sum;

	if (!pkt_read(m, m->l2_len, sizeof(first), &first))
		return false;
	ipv4->version_ihl = first;
	if (ipv4_hdr_len(ipv4) < sizeof(*ipv4) ||
	        !pkt_read(m, m->l2_len, ipv4_hdr_len(ipv4), header))
		return false;
	ipv4->version_ihl = first;
	sum = net_cksum_ipv4(header);
	pkt_write(m, m->l2_len + (uint32_t)offsetof(struct ipv4_hdr, cksum), sizeof(sum), &sum);
	return true;
}

bool vnet_tx_offload(
        const struct vnet_offload *offload, struct mbuf *m, struct virtio_net_hdr *header)
{
	*header = (struct virtio_net_hdr){.num_buffers = 1};
	if ((m->ol_flags & MBUF_F_TX_VLAN) && !vlan_insert(m))
		return false;
	if ((m->ol_flags & MBUF_F_TX_IP_CKSUM) && !write_ipv4_cksum(m))
		return false;
	if (m->ol_flags & (MBUF_F_TX_TCP_SEG | MBUF_F_TX_L4_MASK))
		return give_asked(offload, m, header);
	if ((m->ol_flags & MBUF_F_RX_LRO) ||
	        (m->ol_flags & MBUF_F_RX_L4_CKSUM_NONE) == MBUF_F_RX_L4_CKSUM_NONE)
		return give_received(offload, m, header);
	return true;
}
