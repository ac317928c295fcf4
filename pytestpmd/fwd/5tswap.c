/* 5tswap: source and destination exchanged in the headers of Ethernet, IP, UDP and TCP. No checksum
 * changes by that: each is a sum, in which the order does not count.
 *
 * Headers are looked for in the first segment, and what is not there whole is left alone. Unlike
 * the original, this engine leaves alone what follows the IP header of a fragment other than the
 * first, where no ports are but the datagram's data. */
#include "eal/ether.h"
#include "eal/net.h"
#include "fwd/rewrite.h"

#define FRAGMENT_OFFSET 0x1fff

/* Exchange `len` bytes at `at` with those behind them. */
static ALWAYS_INLINE void swap_halves(uint8_t *at, uint32_t len)
{
	uint8_t was[16];

	memcpy(was, at, len);
	memcpy(at, at + len, len);
	memcpy(at + len, was, len);
}

/* Behind an Ethernet header: the type of what is behind all tags, to which *at moves; 0 when the
 * bytes end before. */
static ALWAYS_INLINE uint16_t skip_tags(uint8_t **at, const uint8_t *end, uint16_t type)
{
	while (unlikely(type == net_u16(ETHER_TYPE_VLAN) || type == net_u16(ETHER_TYPE_QINQ))) {
		const struct vlan_hdr *tag = (const void *)*at;

		if (end - *at < (ptrdiff_t)sizeof(*tag))
			return 0;
		type = tag->type;
		*at += sizeof(*tag);
	}
	return type;
}

/* The protocol behind an IPv4 header, to which *at moves; 0 when its ports are not to be had. */
static ALWAYS_INLINE uint8_t swap_ipv4(uint8_t **at, const uint8_t *end)
{
	struct ipv4_hdr *ipv4 = (void *)*at;

	if (end - *at < (ptrdiff_t)sizeof(*ipv4))
		return 0;
	swap_halves((uint8_t *)&ipv4->src, sizeof(ipv4->src));
	if (unlikely(ipv4_hdr_len(ipv4) < sizeof(*ipv4) ||
	             ipv4->fragment_offset & net_u16(FRAGMENT_OFFSET)))
		return 0;
	*at += ipv4_hdr_len(ipv4);
	return ipv4->proto;
}

static ALWAYS_INLINE uint8_t swap_ipv6(uint8_t **at, const uint8_t *end)
{
	struct ipv6_hdr *ipv6 = (void *)*at;

	if (end - *at < (ptrdiff_t)sizeof(*ipv6))
		return 0;
	swap_halves(ipv6->src, sizeof(ipv6->src));
	*at += sizeof(*ipv6);
	return ipv6->proto;
}

static ALWAYS_INLINE void swap_tuple(struct mbuf *m)
{
	const struct ether_hdr *ether = (const void *)mbuf_data(m);
	uint8_t *at = mbuf_data(m) + sizeof(*ether), *end = mbuf_data(m) + m->data_len;
	uint16_t type;
	uint8_t proto = 0;

	ether_swap(mbuf_ether(m));
	type = skip_tags(&at, end, ether->type);
	if (type == net_u16(ETHER_TYPE_IPV4))
		proto = swap_ipv4(&at, end);
	else if (type == net_u16(ETHER_TYPE_IPV6))
		proto = swap_ipv6(&at, end);
	if ((proto == IP_PROTO_UDP || proto == IP_PROTO_TCP) && end - at >= 4)
		swap_halves(at, sizeof(uint16_t)); /* both begin with their ports */
}

void rewrite_5tswap(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (i + 1 < n)
			prefetch_to_write(mbuf_data(pkts[i + 1]));
		swap_tuple(pkts[i]);
		stream_ask(fs, pkts[i], fs->tx_flags);
	}
}

static bool five_tuple_swap_forward(struct fwd_stream *fs)
{
	return stream_rewrite(fs, rewrite_5tswap);
}

FWD_ENGINE("5tswap", five_tuple_swap_forward, "exchange source and destination of all headers",
        .can_retry = true, .receives = true, .transmits = true);
