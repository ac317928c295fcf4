#include "eal/parse.h"

#include "eal/net.h"
#include "eal/segments.h"

#define MAX_EXTENSIONS 8
#define IPV4_FRAGMENT  0x3fff /* more fragments, or an offset */

/* IPv6 extension headers that say how long they are in byte 1 (RFC 8200, 4.3, 4.4, 4.6). */
#define IP_PROTO_HOP_BY_HOP   0
#define IP_PROTO_ROUTING      43
#define IP_PROTO_DESTINATIONS 60

/* How an extension header begins; the last two bytes are those of a routing header. */
struct ipv6_extension {
	uint8_t next;
	uint8_t len; /* in units of 8 bytes, the first one not counted */
	uint8_t routing_type;
	uint8_t segments_left;
};

static uint32_t l4_off(const struct net_hdrs *hdrs)
{
	return (uint32_t)hdrs->l2_len + hdrs->l3_len;
}

static bool parse_tcp(const struct mbuf *m, struct net_hdrs *hdrs)
{
	uint32_t off = l4_off(hdrs);
	struct tcp_hdr tcp;

	if (off + sizeof(tcp) > hdrs->end || !pkt_read(m, off, sizeof(tcp), &tcp))
		return false;
	hdrs->l4_len = (uint16_t)((tcp.data_off >> 4) * 4);
	return hdrs->l4_len >= sizeof(tcp) && off + hdrs->l4_len <= hdrs->end;
}

/* A datagram may be shorter than its IP packet: its own length is what its checksum is over. */
static bool parse_udp(const struct mbuf *m, struct net_hdrs *hdrs)
{
	uint32_t len, off = l4_off(hdrs);
	struct udp_hdr udp;

	if (off + sizeof(udp) > hdrs->end || !pkt_read(m, off, sizeof(udp), &udp))
		return false;
	hdrs->l4_len = sizeof(udp);
	len = net_u16(udp.len);
	if (len < sizeof(udp) || off + len > hdrs->end)
		return false;
	hdrs->end = off + len;
	return true;
}

static bool parse_sctp(struct net_hdrs *hdrs)
{
	hdrs->l4_len = sizeof(struct sctp_hdr);
	return l4_off(hdrs) + hdrs->l4_len <= hdrs->end;
}

static void parse_l4(const struct mbuf *m, struct net_hdrs *hdrs, uint8_t proto)
{
	if (hdrs->end > m->pkt_len)
		return;
	hdrs->next = proto;
	if ((proto == IP_PROTO_TCP && parse_tcp(m, hdrs)) ||
	        (proto == IP_PROTO_UDP && parse_udp(m, hdrs)) ||
	        (proto == IP_PROTO_SCTP && parse_sctp(hdrs)))
		hdrs->proto = proto;
	else
		hdrs->l4_len = 0;
}

static bool parse_ipv4(const struct mbuf *m, struct net_hdrs *hdrs)
{
	struct ipv4_hdr *ipv4 = (void *)hdrs->ip;
	uint32_t len, total;

	if (!pkt_read(m, hdrs->l2_len, sizeof(*ipv4), ipv4) || ipv4->version_ihl >> 4 != 4)
		return false;
	len = ipv4_hdr_len(ipv4);
	total = net_u16(ipv4->total_length);
	if (len < sizeof(*ipv4) || len > total || hdrs->l2_len + len > m->pkt_len)
		return false;
	hdrs->l3_len = (uint16_t)len;
	hdrs->end = hdrs->l2_len + total;
	if (!(net_u16(ipv4->fragment_offset) & IPV4_FRAGMENT))
		parse_l4(m, hdrs, ipv4->proto);
	return true;
}

static bool is_extension(uint8_t proto)
{
	return proto == IP_PROTO_HOP_BY_HOP || proto == IP_PROTO_ROUTING ||
	       proto == IP_PROTO_DESTINATIONS;
}

/* Count extension headers to the IP header; false when they do not end, or when the packet still
 * has ways to go that a routing header lists: its transport checksum is over the address of its
 * last hop, which is not in the destination field yet (RFC 8200, 8.1). */
static bool skip_extensions(const struct mbuf *m, struct net_hdrs *hdrs, uint8_t *proto)
{
	for (int i = 0; i < MAX_EXTENSIONS && is_extension(*proto); i++) {
		struct ipv6_extension ext;

		if (!pkt_read(m, l4_off(hdrs), sizeof(ext), &ext) ||
		        (*proto == IP_PROTO_ROUTING && ext.segments_left))
			return false;
		hdrs->l3_len = (uint16_t)(hdrs->l3_len + 8 + ext.len * 8);
		*proto = ext.next;
	}
	return l4_off(hdrs) <= hdrs->end;
}

static bool parse_ipv6(const struct mbuf *m, struct net_hdrs *hdrs)
{
	struct ipv6_hdr *ipv6 = (void *)hdrs->ip;
	uint8_t proto;

	if (!pkt_read(m, hdrs->l2_len, sizeof(*ipv6), ipv6) || !net_is_ipv6(ipv6))
		return false;
	hdrs->is_ipv6 = true;
	hdrs->l3_len = sizeof(*ipv6);
	hdrs->end = hdrs->l2_len + (uint32_t)sizeof(*ipv6) + net_u16(ipv6->payload_len);
	proto = ipv6->proto;
	if (skip_extensions(m, hdrs, &proto))
		parse_l4(m, hdrs, proto);
	return true;
}

bool net_parse_ip_at(const struct mbuf *m, uint32_t off, uint16_t type, struct net_hdrs *hdrs)
{
	hdrs->l2_len = (uint16_t)off;
	hdrs->l3_len = hdrs->l4_len = 0;
	hdrs->proto = 0;
	hdrs->next = IP_PROTO_NONE;
	hdrs->is_ipv6 = false;
	if (unlikely(off > UINT16_MAX))
		return false;
	if (type == ETHER_TYPE_IPV4)
		return parse_ipv4(m, hdrs);
	return type == ETHER_TYPE_IPV6 && parse_ipv6(m, hdrs);
}

bool net_parse_ether_at(const struct mbuf *m, uint32_t off, struct net_hdrs *hdrs)
{
	uint32_t at = off + (uint32_t)sizeof(struct ether_hdr);
	uint16_t type = 0;
	int nb_tags = 0;

	if (!pkt_read(m, off + offsetof(struct ether_hdr, type), sizeof(type), &type))
		return net_parse_ip_at(m, at, 0, hdrs);
	while (type == net_u16(ETHER_TYPE_VLAN) || type == net_u16(ETHER_TYPE_QINQ)) {
		struct vlan_hdr tag;

		if (++nb_tags > MAX_VLAN_TAGS || !pkt_read(m, at, sizeof(tag), &tag))
			break;
		at += (uint32_t)sizeof(tag);
		type = tag.type;
	}
	return net_parse_ip_at(m, at, net_u16(type), hdrs);
}

bool net_parse_ip(const struct mbuf *m, struct net_hdrs *hdrs)
{
	return net_parse_ether_at(m, 0, hdrs);
}

bool net_parse(const struct mbuf *m, struct net_hdrs *hdrs)
{
	return net_parse_ip(m, hdrs) && hdrs->proto && l4_off(hdrs) + hdrs->l4_len <= m->data_len;
}
