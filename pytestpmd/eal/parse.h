#ifndef EAL_PARSE_H
#define EAL_PARSE_H
#include "eal/mbuf.h"

#define MAX_VLAN_TAGS 8

/* Where the headers of a frame lie, and how far they say that it goes: in bytes, and checked
 * against the bytes that there are. */
struct net_hdrs {
	uint8_t ip[40];  /* the IP header without options or extensions, as it was when it was
	                    checked */
	uint32_t end;    /* of what the last header found says is its own: padding may follow */
	uint16_t l2_len; /* with tags */
	uint16_t l3_len; /* with options or extensions */
	uint16_t l4_len;
	uint8_t proto; /* IP_PROTO_UDP, _TCP or _SCTP; 0 where none of these is found */
	uint8_t next;  /* what the IP header says is behind it; IP_PROTO_NONE in a fragment */
	bool is_ipv6;
};

/* Find the headers of UDP, TCP or SCTP over IP, which must lie whole in the first segment. False
 * for any other frame, and for fragments: their checksum is that of bytes elsewhere. */
bool net_parse(const struct mbuf *m, struct net_hdrs *hdrs);

/* Find an IP header and, if there is one behind it, such a transport header, in whatever segments
 * they are. False when there is no whole IP header behind at most MAX_VLAN_TAGS tags. A transport
 * header counts as found when all that is its own is there as well. */
bool net_parse_ip(const struct mbuf *m, struct net_hdrs *hdrs);

/* The same for an Ethernet header, or an IP header of that Ethernet type, which begins at `off`;
 * l2_len counts from the packet's first byte all the same. */
bool net_parse_ether_at(const struct mbuf *m, uint32_t off, struct net_hdrs *hdrs);
bool net_parse_ip_at(const struct mbuf *m, uint32_t off, uint16_t type, struct net_hdrs *hdrs);

#endif
