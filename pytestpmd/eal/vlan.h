#ifndef EAL_VLAN_H
#define EAL_VLAN_H
#include "eal/mbuf.h"

/* 802.1Q tags taken out of frames and put into them, for drivers whose device does neither. */

/* Take out the outermost tag, which vlan_tci and the flags then tell of; false for a frame without
 * one. */
bool vlan_strip(struct mbuf *m);

/* Put vlan_tci in, as MBUF_F_TX_VLAN asks; false when there is no headroom for it, or when others
 * hold the mbuf as well. */
bool vlan_insert(struct mbuf *m);

#endif
