#include "eal/parse.h"
#include "eal/net.h"

#define MAX_TAGS       2
#define MAX_EXTENSIONS 8
#define IPV4_FRAGMENT  0x3fff /* more fragments, or an offset */

/* IPv6 extension headers that say how long they are in bytes 1 (RFC 8200, 4.3, 4.4, 4.6). */
#define IP_PROTO_HOP_BY_HOP   0
#define IP_PROTO_ROUTING      43
#define IP_PROTO_DESTINATIONS 60

static bool has(const struct mbuf *m, uint32_t off, uint32_t len)
{
	return off + len <= m->data_len;
}

/* The type of what is behind the Ethernet header and its tags. */
static uint16_t parse_l2(const struct mbuf *m, struct net_hdrs *hdrs)
{
	const struct ether_hdr *ether = (const void *)mbuf_data(m);
	uint16_t type;

	if (!has(m, 0, sizeof(*ether)))
		return 0;
	hdrs->l2_len = sizeof(*ether);
	type = net_u16(ether->type);
	for (int i = 0; i < MAX_TAGS && (type == ETHER_TYPE_VLAN || type == ETHER_TYPE_QINQ); i++) {
		const struct vlan_hdr *tag = (const void *)(mbuf_data(m) + hdrs->l2_len);

		if (!has(m, hdrs->l2_len, sizeof(*tag)))
			return 0;
		hdrs->l2_len += (uint16_t)sizeof(*tag);
		type = net_u16(tag->type);
	}
	return type;
}

static bool parse_ipv4(const struct mbuf *m, struct net_hdrs *hdrs)
{
	const struct ipv4_hdr *ipv4 = (const void *)(mbuf_data(m) + hdrs->l2_len);

	if (!has(m, hdrs->l2_len, sizeof(*ipv4)) || ipv4->version_ihl >> 4 != 4)
		return false;
	hdrs->is_ipv6 = false;
	hdrs->l3_len = (uint16_t)ipv4_hdr_len(ipv4);
	hdrs->proto = ipv4->proto;
	return hdrs->l3_len >= sizeof(*ipv4) && !(net_u16(ipv4->fragment_offset) & IPV4_FRAGMENT);
}

static bool is_extension(uint8_t proto)
{
	return proto == IP_PROTO_HOP_BY_HOP || proto == IP_PROTO_ROUTING ||
	       proto == IP_PROTO_DESTINATIONS;
}

static bool parse_ipv6(const struct mbuf *m, struct net_hdrs *hdrs)
{
	const struct ipv6_hdr *ipv6 = (const void *)(mbuf_data(m) + hdrs->l2_len);

	if (!has(m, hdrs->l2_len, sizeof(*ipv6)) || !net_is_ipv6(ipv6))
		return false;
	hdrs->is_ipv6 = true;
	hdrs->l3_len = sizeof(*ipv6);
	hdrs->proto = ipv6->proto;
	for (int i = 0; i < MAX_EXTENSIONS && is_extension(hdrs->proto); i++) {
		const uint8_t *extension = mbuf_data(m) + hdrs->l2_len + hdrs->l3_len;

		if (!has(m, (uint32_t)hdrs->l2_len + hdrs->l3_len, 8))
			return false;
		hdrs->proto = extension[0];
		hdrs->l3_len = (uint16_t)(hdrs->l3_len + 8 + extension[1] * 8);
	}
	return true;
}

static bool parse_l4(const struct mbuf *m, struct net_hdrs *hdrs)
{
	uint32_t off = (uint32_t)hdrs->l2_len + hdrs->l3_len;
	const struct tcp_hdr *tcp = (const void *)(mbuf_data(m) + off);

	if (hdrs->proto == IP_PROTO_UDP)
		hdrs->l4_len = sizeof(struct udp_hdr);
	else if (hdrs->proto == IP_PROTO_SCTP)
		hdrs->l4_len = sizeof(struct sctp_hdr);
	else if (hdrs->proto == IP_PROTO_TCP && has(m, off, sizeof(*tcp)))
		hdrs->l4_len = (uint16_t)((tcp->data_off >> 4) * 4);
	else
		return false;
	return has(m, off, hdrs->l4_len) &&
	       (hdrs->proto != IP_PROTO_TCP || hdrs->l4_len >= sizeof(*tcp));
}

bool net_parse(const struct mbuf *m, struct net_hdrs *hdrs)
{
	switch (parse_l2(m, hdrs)) {
	case ETHER_TYPE_IPV4:
		return parse_ipv4(m, hdrs) && parse_l4(m, hdrs);
	case ETHER_TYPE_IPV6:
		return parse_ipv6(m, hdrs) && parse_l4(m, hdrs);
	default:
		return false;
	}
}
