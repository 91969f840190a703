//! The installed package on a real USB stack: what people see on the network when boards are plugged into the
//! machine's USB, pulled out of it, or are not what they should be.

mod cuts;
mod faults;
mod gadgets;
mod installation;
mod machine;
mod names;
mod plug;
mod protection;
mod survival;
mod writes;
