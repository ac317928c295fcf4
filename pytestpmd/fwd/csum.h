#ifndef FWD_CSUM_H
#define FWD_CSUM_H
#include "eal/mbuf.h"

/* What the csum engine does with packets for one transmit port. `*_flags` are those of the mbuf for
 * what the port does itself, and 0 for what is to be done here. */
struct csum_settings {
	uint64_t ip_flags;
	uint64_t udp_flags;
	uint64_t tcp_flags;
	uint64_t sctp_flags;
	uint64_t tso_flags;
	uint16_t tso_segsz; /* bytes of TCP data in each packet that the port makes of one */
	uint16_t split;     /* send copies in segments of other lengths: split.h */
	uint16_t gso_size;  /* bytes of the longest frame: longer packets are cut; 0: none is */
	uint16_t vxlan_gpe_port;
	uint16_t geneve_port;
	uint16_t mac_swap; /* Python writes this one and the next while lcores run */
	uint16_t parse_tunnel;
};

/* C only */

#endif
