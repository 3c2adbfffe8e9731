"""Products of Hopper's warpgroups (wgmma), which read shared memory themselves."""
