/* icmpecho: answers ARP requests, for whatever address, and ICMP echo requests, on the port and
 * queue that they came in on; frees all else. A packet may have one 802.1Q tag.
 *
 * An echo reply is its request with the addresses exchanged and another type, so that its checksum
 * is as right or wrong as that of the request. Unlike the original this engine looks where the IPv4
 * header ends, leaves fragments alone that do not begin with ICMP's header, and never sends from a
 * group address. */
#include "eal/ether.h"
#include "eal/net.h"
#include "eal/segments.h"
#include "fwd/engine.h"

#define ETHER_TYPE_ARP    0x0806
#define ARP_ETHER         1
#define ARP_REQUEST       1
#define ARP_REPLY         2
#define IP_PROTO_ICMP     1
#define IPV4_OFFSET_MASK  0x1fff
#define IPV4_MULTICAST    0xe0 /* the first byte; the original takes no other for a group */
#define ICMP_ECHO_REQUEST 8
#define ICMP_ECHO_REPLY   0

/* RFC 826, with the lengths of Ethernet and IPv4. */
struct arp_ipv4 {
	uint16_t htype;
	uint16_t ptype;
	uint8_t hlen;
	uint8_t plen;
	uint16_t op;
	uint8_t sha[6];
	uint32_t sip;
	uint8_t tha[6];
	uint32_t tip;
} NET_HDR;

/* RFC 792: as much as type, code and checksum. */
struct icmp_hdr {
	uint8_t type;
	uint8_t code;
	uint16_t cksum;
} NET_HDR;

static_assert(sizeof(struct arp_ipv4) == 28 && sizeof(struct icmp_hdr) == 4, "RFC 826, RFC 792");

static bool is_group(const uint8_t mac[6])
{
	return mac[0] & 1;
}

/* Back to the sender, from `own` or from where it was sent to. */
static void answer_ether(struct mbuf *m, struct ether_hdr *ether, const uint8_t *own)
{
	struct ether_addrs back;

	memcpy(back.dst, ether->src, sizeof(back.dst));
	memcpy(back.src, own ? own : ether->dst, sizeof(back.src));
	pkt_write(m, 0, sizeof(back), &back);
}

static bool answer_arp(
        const struct fwd_stream *fs, struct mbuf *m, struct ether_hdr *ether, uint32_t off)
{
	struct arp_ipv4 arp;
	uint32_t asked_for;

	if (!pkt_read(m, off, sizeof(arp), &arp) || arp.htype != net_u16(ARP_ETHER) ||
	        arp.ptype != net_u16(ETHER_TYPE_IPV4) || arp.hlen != sizeof(arp.sha) ||
	        arp.plen != sizeof(arp.sip) || arp.op != net_u16(ARP_REQUEST))
		return false;
	asked_for = arp.tip;
	arp.op = net_u16(ARP_REPLY);
	memcpy(arp.tha, arp.sha, sizeof(arp.tha));
	arp.tip = arp.sip;
	memcpy(arp.sha, fs->own_mac, sizeof(arp.sha));
	arp.sip = asked_for;
	pkt_write(m, off, sizeof(arp), &arp);
	answer_ether(m, ether, fs->own_mac);
	return true;
}

/* Whom a group is answered by: the requester's address with 1 in its last two bits, or 2 where that
 * is its own; the checksum is adjusted (RFC 1624). */
static void answer_for_group(struct ipv4_hdr *ipv4)
{
	uint32_t group = ipv4->src;
	uint32_t host = __builtin_bswap32(ipv4->dst),
	         own = (host & ~3u) | ((host & 3) == 1 ? 2 : 1);
	uint64_t sum = (uint16_t)~ipv4->cksum;

	ipv4->src = __builtin_bswap32(own);
	sum += (uint64_t)(uint32_t)~group + ipv4->src;
	ipv4->cksum = (uint16_t)~net_cksum_fold(sum);
}

static bool answer_echo(
        const struct fwd_stream *fs, struct mbuf *m, struct ether_hdr *ether, uint32_t off)
{
	struct ipv4_hdr ipv4;
	struct icmp_hdr icmp;
	uint32_t icmp_off, from;

	if (!pkt_read(m, off, sizeof(ipv4), &ipv4) || ipv4.version_ihl >> 4 != 4 ||
	        ipv4_hdr_len(&ipv4) < sizeof(ipv4) || ipv4.proto != IP_PROTO_ICMP ||
	        ipv4.fragment_offset & net_u16(IPV4_OFFSET_MASK))
		return false;
	icmp_off = off + ipv4_hdr_len(&ipv4);
	if (!pkt_read(m, icmp_off, sizeof(icmp), &icmp) || icmp.type != ICMP_ECHO_REQUEST ||
	        icmp.code != 0)
		return false;
	/* RFC 1624: without the word of the type and the code, to which 0 is added */
	icmp.type = ICMP_ECHO_REPLY;
	icmp.cksum = (uint16_t)~net_cksum_fold(
	        (uint64_t)(uint16_t)~icmp.cksum + (uint16_t)~net_u16(ICMP_ECHO_REQUEST << 8));
	pkt_write(m, icmp_off, sizeof(icmp), &icmp);

	from = ipv4.src;
	ipv4.src = ipv4.dst;
	ipv4.dst = from;
	if ((ipv4.src & 0xff) == IPV4_MULTICAST)
		answer_for_group(&ipv4);
	pkt_write(m, off, sizeof(ipv4), &ipv4);
	answer_ether(m, ether, is_group(ether->dst) ? fs->own_mac : NULL);
	return true;
}

static bool answer(const struct fwd_stream *fs, struct mbuf *m)
{
	uint32_t off = sizeof(struct ether_hdr);
	struct ether_hdr ether;
	struct vlan_hdr vlan;
	uint16_t type;

	if (!pkt_read(m, 0, sizeof(ether), &ether))
		return false;
	type = ether.type;
	if (type == net_u16(ETHER_TYPE_VLAN)) {
		if (!pkt_read(m, off, sizeof(vlan), &vlan))
			return false;
		type = vlan.type;
		off += (uint32_t)sizeof(vlan);
	}
	if (type == net_u16(ETHER_TYPE_ARP))
		return answer_arp(fs, m, &ether, off);
	return type == net_u16(ETHER_TYPE_IPV4) && answer_echo(fs, m, &ether, off);
}

static bool icmpecho_forward(struct fwd_stream *fs)
{
	struct mbuf *pkts[MAX_PKT_BURST];
	uint16_t n = stream_receive(fs, pkts), nb_answers = 0;

	if (n == 0)
		return false;
	for (uint16_t i = 0; i < n; i++) {
		if (answer(fs, pkts[i]))
			pkts[nb_answers++] = pkts[i];
		else
			mbuf_free_bulk(&pkts[i], 1);
	}
	if (nb_answers)
		stream_transmit(fs, pkts, nb_answers);
	return true;
}

FWD_ENGINE("icmpecho", icmpecho_forward, "answer ARP and ICMP echo requests where they came in",
        .can_retry = true, .receives = true, .transmits = true, .answers = true);
