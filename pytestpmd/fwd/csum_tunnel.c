/* What csum knows of tunnels, from the headers that follow UDP or IP. Everything is read once and
 * held against the packet, as in eal/parse.c. */
#include "fwd/csum_tunnel.h"

#include "eal/net.h"
#include "eal/segments.h"

#define ETHER_TYPE_TEB   0x6558 /* an Ethernet frame: RFC 1701 */
#define IP_PROTO_IPV4    4
#define IP_PROTO_IPV6    41
#define IP_PROTO_GRE     47
#define VXLAN_PORT       4789 /* RFC 7348 */
#define VXLAN_LEN        8
#define GTP_CONTROL_PORT 2123
#define GTP_USER_PORT    2152
#define GTP_LEN          8
#define GTP_DATA         0xff /* message type */
#define GTP_LONGER       0x07 /* E, S, PN: four bytes more */
#define GTP_HAS_NEXT     0x04
#define GRE_KEY          0x2000
#define GRE_SEQUENCE     0x1000

/* What is in the tunnel, by its Ethernet type, at `off`. */
static bool parse_inner(const struct mbuf *m, uint32_t off, uint16_t type, struct net_hdrs *inner)
{
	if (type == ETHER_TYPE_TEB)
		return net_parse_ether_at(m, off, inner);
	return net_parse_ip_at(m, off, type, inner);
}

/* draft-ietf-nvo3-vxlan-gpe: byte 3 tells what follows; 0 is IPv4 for the original. */
static bool parse_vxlan_gpe(const struct mbuf *m, uint32_t off, struct net_hdrs *inner)
{
	static const uint16_t types[] = {
	        ETHER_TYPE_IPV4, ETHER_TYPE_IPV4, ETHER_TYPE_IPV6, ETHER_TYPE_TEB};
	uint8_t header[VXLAN_LEN];

	return pkt_read(m, off, sizeof(header), header) && header[3] < 4 &&
	       parse_inner(m, off + VXLAN_LEN, types[header[3]], inner);
}

/* RFC 8926, 3.4: options follow, in words. */
static bool parse_geneve(const struct mbuf *m, uint32_t off, struct net_hdrs *inner)
{
	uint8_t header[8];
	uint32_t type;

	if (!pkt_read(m, off, sizeof(header), header))
		return false;
	type = (uint32_t)header[2] << 8 | header[3];
	return parse_inner(m, off + (uint32_t)sizeof(header) + (header[0] & 0x3f) * 4,
	        type ? (uint16_t)type : ETHER_TYPE_IPV4, inner);
}

/* 3GPP TS 29.281, 5.1. Headers that extend it further are not looked through. */
static bool parse_gtp(const struct mbuf *m, uint32_t off, struct net_hdrs *inner)
{
	uint8_t header[GTP_LEN + 4], version;
	uint32_t len;

	if (!pkt_read(m, off, GTP_LEN, header) || header[1] != GTP_DATA)
		return false;
	len = header[0] & GTP_LONGER ? sizeof(header) : GTP_LEN;
	if (!pkt_read(m, off, len, header) || !pkt_read(m, off + len, 1, &version) ||
	        (header[0] & GTP_HAS_NEXT && len > GTP_LEN && header[GTP_LEN + 3]))
		return false;
	return net_parse_ip_at(
	        m, off + len, version >> 4 == 6 ? ETHER_TYPE_IPV6 : ETHER_TYPE_IPV4, inner);
}

/* RFC 2784 and 2890. A packet whose GRE header has a checksum is left alone: it is over the packet
 * inside, and no longer right when that is changed. */
static bool parse_gre(const struct mbuf *m, uint32_t off, struct net_hdrs *inner)
{
	uint16_t header[2];
	uint32_t flags;

	if (!pkt_read(m, off, sizeof(header), header))
		return false;
	flags = net_u16(header[0]);
	if (flags & (uint16_t) ~(GRE_KEY | GRE_SEQUENCE))
		return false;
	off += (uint32_t)sizeof(header) + (flags & GRE_KEY ? 4 : 0) +
	       (flags & GRE_SEQUENCE ? 4 : 0);
	return parse_inner(m, off, net_u16(header[1]), inner);
}

static bool parse_udp_tunnel(
        const struct csum_settings *set, const struct mbuf *m, uint32_t off, struct net_hdrs *inner)
{
	struct udp_hdr udp;
	uint16_t port;

	if (!pkt_read(m, off, sizeof(udp), &udp))
		return false;
	off += (uint32_t)sizeof(udp);
	port = net_u16(udp.dst_port);
	if (port == VXLAN_PORT)
		return net_parse_ether_at(m, off + VXLAN_LEN, inner);
	if (port == set->vxlan_gpe_port)
		return parse_vxlan_gpe(m, off, inner);
	if (port == set->geneve_port)
		return parse_geneve(m, off, inner);
	return (port == GTP_USER_PORT || port == GTP_CONTROL_PORT ||
	               net_u16(udp.src_port) == GTP_CONTROL_PORT) &&
	       parse_gtp(m, off, inner);
}

bool csum_find_inner(const struct csum_settings *set, const struct mbuf *m,
        const struct net_hdrs *outer, struct net_hdrs *inner)
{
	uint32_t off = (uint32_t)outer->l2_len + outer->l3_len;
	bool is_found = false;

	if (outer->proto == IP_PROTO_UDP)
		is_found = parse_udp_tunnel(set, m, off, inner);
	else if (outer->next == IP_PROTO_GRE)
		is_found = parse_gre(m, off, inner);
	else if (outer->next == IP_PROTO_IPV4)
		is_found = net_parse_ip_at(m, off, ETHER_TYPE_IPV4, inner);
	else if (outer->next == IP_PROTO_IPV6)
		is_found = net_parse_ip_at(m, off, ETHER_TYPE_IPV6, inner);
	return is_found && inner->end <= outer->end;
}
