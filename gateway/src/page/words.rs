//! What is wrong with a camera's stream and what to do, in two languages: the sentences of the README's fault table.

use crate::language::Language;
use crate::worker::link::StreamFault;

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// What it means.
    pub problem: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// The row of the fault table.
pub fn advice(fault: StreamFault, language: Language) -> Advice {
    let (chinese, english) = match fault {
        StreamFault::Unreachable => (
            ("连不上，或连接断开", "查电源、网线、地址和端口；盒子能 ping 通摄像机吗？"),
            ("no connection, or it broke", "power, cable, address and port; can the box ping the camera?"),
        ),
        StreamFault::WrongPassword => (
            ("摄像机不认用户名和密码", "核对二者；有的摄像机在观看者太多时也这样回答"),
            (
                "the camera refuses user and password",
                "check both; some cameras answer so when too many viewers are logged in",
            ),
        ),
        StreamFault::InsecureLogin => (
            ("摄像机只接受明文密码", "在摄像机上改为 Digest；线路上没有旁人时也可设 allow_basic = true"),
            (
                "the camera only takes passwords in the clear",
                "set it to Digest; or allow_basic = true where nobody else is on the wire",
            ),
        ),
        StreamFault::NoSuchStream => (
            ("URL 的路径不存在", "在摄像机说明书里查 RTSP 路径"),
            ("the path of the URL does not exist", "look up the RTSP path in the camera's manual"),
        ),
        StreamFault::Refused => (
            ("摄像机没有空位，或以其他理由拒绝", "关掉其他观看者，或用子码流"),
            ("the camera has no room, or refuses otherwise", "close other viewers, or use the sub-stream"),
        ),
        StreamFault::NotRtsp => (
            ("那个端口上是别的服务", "核对端口，RTSP 一般是 554"),
            ("something else listens on that port", "check the port; RTSP is usually 554"),
        ),
        StreamFault::NoVideo => (
            ("码流里只有声音", "换一个路径或通道"),
            ("the stream carries sound alone", "another path or channel"),
        ),
        StreamFault::UnsupportedCodec => (
            ("既不是 H.264 也不是 H.265", "在摄像机上改成其中之一"),
            ("neither H.264 nor H.265", "set the camera to one of them"),
        ),
        StreamFault::Timeout => (
            ("连接的某一步太慢", "链路慢就调大该摄像机的 deadlines"),
            ("a step of the connection took too long", "a slow link: raise the camera's deadlines"),
        ),
        StreamFault::Silent => (
            ("连上了，但没有画面", "重启摄像机，查其负载和网络"),
            ("connected, but no pictures come", "restart the camera; look at its load and the network"),
        ),
        StreamFault::Corrupt => (
            ("反复收到无法理解的字节", "查网线、交换机和固件"),
            ("bytes that make no sense, again and again", "cable, switch and firmware"),
        ),
    };
    let (problem, remedy) = language.pick(chinese, english);
    Advice { problem, remedy }
}
