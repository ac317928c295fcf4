#ifndef EAL_NET_H
#define EAL_NET_H
#include "eal/mbuf.h"

/* Checksums of the Internet protocols (RFC 1071). A sum is folded to 16 bits, not complemented, and
 * in the byte order of the packet: what is stored is the sum, or its complement, as it stands.
 *
 * Every `l3` points to a whole IPv4 or IPv6 header, whose first four bits tell which. */

/* Of `len` bytes; the last one of an odd number is followed by a zero. */
uint16_t net_cksum_raw(const void *data, uint32_t len);

/* Of the `len` bytes from `off` on in a packet of any number of segments; false when it is shorter.
 */
bool net_cksum_raw_mbuf(const struct mbuf *m, uint32_t off, uint32_t len, uint16_t *sum);

/* What belongs into the checksum field of an IPv4 header, whatever is there now. The header's
 * length field must have been checked. */
uint16_t net_cksum_ipv4(const void *l3);

/* Sum of the pseudo header: addresses, protocol, and the length of what is behind the IP header
 * (RFC 793, RFC 8200, 8.1). As such it belongs into the field when a device is to complete it. */
uint16_t net_cksum_pseudo(const void *l3, uint8_t proto, uint32_t l4_len);

/* What belongs into the UDP or TCP checksum field of the packet whose IP header is at `l3_off`, in
 * the first segment, and whose UDP or TCP header is at `l4_off`; the IP header tells how far it
 * goes. The field counts, so it must be 0; over a packet with a right one in its field the result
 * is 0 (or 0xffff: UDP has no 0, RFC 768). False for a packet that is shorter than its headers say.
 */
bool net_cksum_l4(
        const struct mbuf *m, uint32_t l3_off, uint32_t l4_off, uint8_t proto, uint16_t *cksum);

/* Complete the checksum of the `len` bytes from `start` on, in which the field at `offset` holds
 * what is to be added, such as the pseudo header's sum. False when they are not all there. */
bool net_cksum_complete(struct mbuf *m, uint32_t start, uint32_t len, uint32_t offset);

/* C only */

/* Headers as they lie in a packet: big-endian, at any address. */
#define NET_HDR __attribute__((packed))

struct ether_hdr {
	uint8_t dst[6];
	uint8_t src[6];
	uint16_t type;
} NET_HDR;

struct vlan_hdr {
	uint16_t tci;
	uint16_t type;
} NET_HDR;

struct ipv4_hdr {
	uint8_t version_ihl;
	uint8_t tos;
	uint16_t total_length;
	uint16_t packet_id;
	uint16_t fragment_offset;
	uint8_t ttl;
	uint8_t proto;
	uint16_t cksum;
	uint32_t src;
	uint32_t dst;
} NET_HDR;

struct ipv6_hdr {
	uint32_t vtc_flow;
	uint16_t payload_len;
	uint8_t proto;
	uint8_t hop_limits;
	uint8_t src[16];
	uint8_t dst[16];
} NET_HDR;

struct udp_hdr {
	uint16_t src_port;
	uint16_t dst_port;
	uint16_t len;
	uint16_t cksum;
} NET_HDR;

struct tcp_hdr {
	uint16_t src_port;
	uint16_t dst_port;
	uint32_t seq;
	uint32_t ack;
	uint8_t data_off; /* in words, in the upper half */
	uint8_t flags;
	uint16_t window;
	uint16_t cksum;
	uint16_t urgent;
} NET_HDR;

struct sctp_hdr {
	uint16_t src_port;
	uint16_t dst_port;
	uint32_t tag;
	uint32_t cksum;
} NET_HDR;

static_assert(sizeof(struct ether_hdr) == 14 && sizeof(struct vlan_hdr) == 4, "IEEE 802.3, 802.1Q");
static_assert(sizeof(struct ipv4_hdr) == 20 && sizeof(struct ipv6_hdr) == 40, "RFC 791, RFC 8200");
static_assert(sizeof(struct udp_hdr) == 8 && sizeof(struct tcp_hdr) == 20, "RFC 768, RFC 9293");
static_assert(sizeof(struct sctp_hdr) == 12, "RFC 9260");

#define ETHER_TYPE_IPV4 0x0800
#define ETHER_TYPE_VLAN 0x8100
#define ETHER_TYPE_QINQ 0x88a8
#define ETHER_TYPE_IPV6 0x86dd
#define IP_PROTO_TCP    6
#define IP_PROTO_UDP    17
#define IP_PROTO_NONE   59 /* IPv6's word for nothing more */
#define IP_PROTO_SCTP   132

/* Host to network order and back. */
static ALWAYS_INLINE uint16_t net_u16(uint16_t value)
{
	return __builtin_bswap16(value);
}

static ALWAYS_INLINE uint16_t net_cksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static ALWAYS_INLINE uint32_t ipv4_hdr_len(const struct ipv4_hdr *ipv4)
{
	return (uint32_t)(ipv4->version_ihl & 0xf) * 4;
}

static ALWAYS_INLINE bool net_is_ipv6(const void *l3)
{
	return *(const uint8_t *)l3 >> 4 == 6;
}

#endif
