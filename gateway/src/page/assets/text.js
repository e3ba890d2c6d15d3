// Every text of the page in both languages. Sentences about faults come from the gateway.

const TEXTS = {
  overview: ["概况", "Overview"],
  incidents: ["警情", "Incidents"],
  box: ["盒子", "Box"],
  back: ["返回", "Back"],
  cameras: ["摄像机", "Cameras"],
  sensors: ["传感器", "Sensors"],
  allGood: ["一切正常", "All is well"],
  needsLook: ["{n} 项需要处理", "{n} to look after"],
  starting: ["正在启动", "Starting"],
  openIncidents: ["{n} 起未关闭的警情", "{n} open incidents"],
  noIncidents: ["没有未关闭的警情", "no open incidents"],
  allDelivered: ["全部事件已送达中心", "everything has reached the centre"],
  eventsWait: ["{n} 条事件等待送达", "{n} events wait for the centre"],
  whatToDo: ["处理", "What to do"],
  exactly: ["详情", "Details"],
  more: ["另有 {n} 个传感器未列出", "{n} more sensors are not listed"],
  noCameras: ["没有配置摄像机", "No cameras are configured"],
  noPicture: ["暂无画面", "No picture"],
  ago: ["{t}前", "{t} ago"],
  justNow: ["刚刚", "just now"],
  second: ["{n} 秒", "{n} s"],
  minute: ["{n} 分钟", "{n} min"],
  hour: ["{n} 小时", "{n} h"],
  day: ["{n} 天", "{n} d"],
  battery: ["电量 {n}%", "battery {n} %"],
  modeTest: ["测试中", "in test"],
  modeMaintenance: ["维护中", "maintenance"],
  until: ["至 {t}", "until {t}"],

  welcome: ["欢迎", "Welcome"],
  setUpHint: [
    "这台盒子还没有密码。启动日志里有一次性代码：journalctl -u moshao | grep code",
    "This box has no password yet. Its start-up log shows a one-time code: journalctl -u moshao | grep code",
  ],
  code: ["一次性代码", "One-time code"],
  newPassword: ["新密码（至少 10 个字符）", "New password (10 characters or more)"],
  repeat: ["再输一遍", "Once more"],
  different: ["两次输入不一致", "The two are not the same"],
  setPassword: ["设置密码", "Set the password"],
  password: ["密码", "Password"],
  logIn: ["登录", "Log in"],
  logOut: ["退出登录", "Log out"],
  oldPassword: ["当前密码", "Current password"],
  changePassword: ["修改密码", "Change the password"],
  passwordChanged: ["密码已修改，其他设备需重新登录", "The password is changed; other devices have to log in again"],

  picture: ["画面", "Picture"],
  pictureHint: ["遮挡区已涂黑", "masks are filled"],
  edit: ["编辑区域", "Edit areas"],
  walkTest: ["走动测试", "Walk test"],
  walkStart: ["开始走动测试", "Start the walk test"],
  walkStop: ["结束", "Stop"],
  walkHint: [
    "请在画面里走一圈。摄像机看到您时，下面会立刻亮起。",
    "Walk through the picture now. What the camera sees lights up below at once.",
  ],
  wholePicture: ["整个画面", "Whole picture"],
  seen: ["看到了", "Seen"],
  seenNow: ["看到：{what}", "Seen now: {what}"],
  seenAgo: ["{t}前看到：{what}", "{what}, {t} ago"],
  notSeen: ["还没有看到", "not seen yet"],
  noStream: ["没有视频流，无法测试", "no stream, so nothing can be seen"],

  testMode: ["测试模式", "Test mode"],
  testHint: ["测试中的报警会标明“测试”，不会升级。到时自动结束，重启也会结束。", "Alarms are told as a test and not escalated. It ends by itself, and at a restart."],
  testSite: ["整个站点进入测试", "Test the whole site"],
  stop: ["。", ". "],
  testFor: ["测试 {n} 分钟", "Test for {n} min"],
  testEnd: ["结束测试", "End the test"],

  zone: ["区域", "Zone"],
  line: ["线", "Line"],
  mask: ["遮挡", "Mask"],
  zones: ["区域", "Zones"],
  lines: ["线", "Lines"],
  masks: ["遮挡", "Masks"],
  editHint: ["在画面上拖出一个矩形，或逐点点出多边形。", "Drag a rectangle on the picture, or tap corner by corner."],
  lineHint: ["在画面上从一端拖到另一端。", "Drag from one end to the other."],
  pointsHint: ["继续点角点；点“完成”闭合。", "Tap more corners; “Done” closes the shape."],
  done: ["完成", "Done"],
  cancel: ["取消", "Cancel"],
  name: ["名称", "Name"],
  remove: ["删除", "Delete"],
  corner: ["角点 {n}", "Corner {n}"],
  save: ["保存", "Save"],
  saved: ["已写入配置文件，片刻后生效", "Written to the configuration; takes effect in a moment"],
  savedOnTrial: [
    "已写入配置文件，片刻后生效，试运行 {t}",
    "Written to the configuration; takes effect in a moment, on trial for {t}",
  ],
  waitsForRestart: ["配置文件已改，重启后生效", "The file has been changed; it takes effect at the next restart"],
  unsaved: ["有未保存的改动", "Not saved yet"],
  nothingDrawn: ["还没有画任何区域", "Nothing is drawn yet"],
  maskHint: ["遮挡区不外传、不检测", "never leaves the box, never looked at"],

  level: ["{n} 级", "Level {n}"],
  stage_open: ["待处理", "open"],
  stage_acknowledged: ["已受理", "acknowledged"],
  stage_dispatched: ["已派单", "dispatched"],
  stage_closed: ["已关闭", "closed"],
  active: ["持续中", "going on"],
  over: ["已结束", "over"],
  confirm_video_confirmed: ["视频确认", "confirmed by video"],
  confirm_sensor_confirmed: ["传感器确认", "confirmed by a sensor"],
  confirm_manual: ["人工确认", "confirmed by a person"],
  delivery_delivered: ["已送达", "delivered"],
  delivery_waiting: ["等待送达", "waits for the centre"],
  delivery_unknown: ["送达情况不明", "delivery not known"],
  nothingHappened: ["最近没有发生什么", "Nothing has happened lately"],
  still: ["抓图", "still"],
  watchClip: ["查看录像", "Watch the clip"],
  clipHint: [
    "录像未经遮挡。谁在何时因何查看会先记入调阅台账。",
    "Nothing in a clip is masked. Who watches it, when and why goes into the access ledger first.",
  ],
  clipReason: ["查看理由（如案件编号）", "Reason (a case number, say)"],
  clipPlay: ["记录并播放", "Write down and play"],
  clipSave: ["保存录像", "Save the clip"],
  clipUnknown: [
    "这个浏览器放不了这段录像（多为 H.265）。请保存后用播放器打开。",
    "This browser cannot play the clip, most likely because it is H.265. Save it and open it in a player.",
  ],
  close: ["关闭", "Close"],

  links: ["连接与配置", "Links and configuration"],
  queue: ["待送事件", "Outbox"],
  waiting: ["等待", "waiting"],
  alarms: ["其中报警", "alarms among them"],
  oldest: ["最早一条", "oldest"],
  space: ["占用空间", "space"],
  givenUp: ["放弃（已向中心声明）", "given up (declared to the centre)"],
  about: ["关于", "About"],
  gateway: ["网关", "Gateway"],
  grid: ["网格", "Grid"],
  version: ["版本", "Version"],
  clock: ["盒子时间", "Clock of the box"],
  language: ["English", "中文"],
  noAnswer: ["连不上盒子：{why}", "The box does not answer: {why}"],
};

export const isChinese = document.documentElement.lang.startsWith("zh");

/** The text of `key` with `{name}` replaced. */
export function t(key, values = {}) {
  const pair = TEXTS[key];
  if (!pair) return key;
  return pair[isChinese ? 0 : 1].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** The other language from now on. */
export function switchLanguage() {
  const other = isChinese ? "en" : "zh";
  document.cookie = `moshao_language=${other}; path=/; max-age=31536000; samesite=strict`;
  location.reload();
}

/** `12 s`, `3 min`, `5 h`, `2 d`. */
export function lasting(seconds) {
  const [key, size] = seconds < 60 ? ["second", 1] : seconds < 3600 ? ["minute", 60] : seconds < 86400 ? ["hour", 3600] : ["day", 86400];
  return t(key, { n: Math.floor(seconds / size) });
}

export const ago = (seconds) => (seconds < 2 ? t("justNow") : t("ago", { t: lasting(seconds) }));

/** Hours and minutes of an RFC 3339 time, in the zone that it is written in. */
export const clock = (time) => time.slice(11, 16);

/** Month, day, hours, minutes. */
export const when = (time) => `${time.slice(5, 10)} ${time.slice(11, 19)}`;
