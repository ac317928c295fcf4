#ifndef EAL_PARSE_H
#define EAL_PARSE_H
#include "eal/mbuf.h"

/* Where the headers of a frame lie: lengths in bytes, tags and options included. */
struct net_hdrs {
	uint16_t l2_len;
	uint16_t l3_len;
	uint16_t l4_len;
	uint8_t proto; /* IP_PROTO_UDP, _TCP or _SCTP */
	bool is_ipv6;
};

/* Find the headers of UDP, TCP or SCTP over IP, which must lie whole in the first segment. False
 * for any other frame, and for fragments: their checksum is that of bytes elsewhere. */
bool net_parse(const struct mbuf *m, struct net_hdrs *hdrs);

#endif
