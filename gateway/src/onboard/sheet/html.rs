//! The document of a [`Sheet`]: HTML for any browser, laid out for paper, without anything from elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};
use moshao_config::{Camera, Place, Polygon, Sensor};

use super::{Lack, Measured, Sheet, Verdict, lacks_of_camera, lacks_of_sensor};
use crate::camera::fault::{SessionError, peer_of};
use crate::language::Language;
use crate::page::words::advice;

const STYLE: &str = "\
body{font:14px/1.45 system-ui,'Noto Sans CJK SC',sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#111}\
h1{font-size:1.5em}h2{font-size:1.2em;margin-top:2em;border-bottom:1px solid #999}h3{margin:1.2em 0 .3em}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #bbb;padding:.25em .5em;text-align:left;vertical-align:top}\
th{background:#f2f2f2;font-weight:600;width:11em}.missing{color:#b00020}.good{color:#0a6b2d}.record{break-inside:avoid}\
svg{width:14em;background:#e8e8e8}.sign td{height:2.2em}\
@media print{body{margin:0;font-size:11px}}";

/// The whole document.
pub fn html(sheet: &Sheet<'_>) -> String {
    let Sheet { config, made, language, measured } = sheet;
    let say = Say(*language);
    let title = say.of("设备档案（一机一档）", "Filing sheet");
    let document = markup! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) " " (config.gateway.id) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (site(sheet))
                h2 { (say.of("摄像机", "Cameras")) }
                @for camera in &config.cameras { (camera_record(sheet, camera)) }
                h2 { (say.of("传感器", "Sensors")) }
                @if config.sensors.is_empty() { p { (say.of("无", "none")) } }
                @for sensor in &config.sensors { (sensor_record(sheet, sensor)) }
                @if let Some(measured) = measured { (acceptance(say, config.cameras.len(), measured.values())) }
                p { small { (say.of("生成于", "made")) " " (made) ", moshao " (env!("CARGO_PKG_VERSION")) } }
            }
        }
    };
    document.into_string()
}

/// Texts in the language of the document.
#[derive(Clone, Copy)]
struct Say(Language);

impl Say {
    fn of<T>(self, chinese: T, english: T) -> T {
        self.0.pick(chinese, english)
    }

    fn row(self, (chinese, english): (&str, &str), content: &impl maud::Render) -> Markup {
        markup! { tr { th { (self.of(chinese, english)) } td { (content) } } }
    }

    fn lack(self, lacks: &[Lack]) -> Markup {
        let words: Vec<&str> = lacks.iter().map(|lack| lack.word(self.0)).collect();
        markup! {
            @if words.is_empty() { span.good { (self.of("完整", "complete")) } }
            @else { span.missing { (self.of("缺：", "missing: ")) (words.join(self.of("、", ", "))) } }
        }
    }
}

fn site(Sheet { config, language, .. }: &Sheet<'_>) -> Markup {
    let say = Say(*language);
    let days = |lasting: std::time::Duration| lasting.as_secs() / 86_400;
    let lacking =
        config.cameras.iter().map(lacks_of_camera).chain(config.sensors.iter().map(lacks_of_sensor));
    let (complete, all) =
        lacking.fold((0, 0), |(complete, all), lacks| (complete + usize::from(lacks.is_empty()), all + 1));
    let grid = format!("{} {}", config.grid.code, config.grid.name.as_deref().unwrap_or_default());
    let kept = say.of(
        format!(
            "截图 {} 天，视频片段 {} 天",
            days(config.evidence.stills.lasting),
            days(config.evidence.clips.lasting)
        ),
        format!(
            "stills {} days, clips {} days",
            days(config.evidence.stills.lasting),
            days(config.evidence.clips.lasting)
        ),
    );
    let privacy = say.of(
        "视频不出本机；外送截图填充隐私区并对头部打码；不做人脸和车牌识别",
        "video stays on the box; stills that leave it have masks filled and heads pixelated; no faces or plates are recognised",
    );
    let records = say.of(
        format!("{all} 台设备中 {complete} 台档案完整"),
        format!("{complete} of {all} devices are complete"),
    );
    markup! {
        table {
            (say.row(("网关", "gateway"), &config.gateway.id))
            (say.row(("行政区划代码", "division"), &config.gateway.division))
            (say.row(("网格", "grid cell"), &grid))
            (say.row(("指挥中心", "command centre"), &format!("{}:{}", config.uplink.host, config.uplink.port)))
            (say.row(("证据保存", "evidence is kept"), &kept))
            (say.row(("隐私", "privacy"), &privacy))
            (say.row(("档案", "records"), &records))
        }
    }
}

fn camera_record(sheet: &Sheet<'_>, camera: &Camera) -> Markup {
    let say = Say(sheet.language);
    let came = sheet.measured.as_ref().and_then(|measured| measured.get(&camera.id));
    markup! {
        div.record {
            h3 { (camera.name) " (" (camera.id) ")" }
            table {
                (place(say, &camera.place))
                (say.row(("码流", "stream"), &format!("{}{}", peer_of(&camera.url), camera.url.path())))
                (say.row(("主码流", "main stream"), &say.of(if camera.main.is_some() { "有" } else { "无" }, if camera.main.is_some() { "yes" } else { "no" })))
                (say.row(("检测", "detector"), &camera.detector))
                (say.row(("规则", "rules"), &rules(sheet, &camera.watches)))
                (say.row(("画面：隐私区、区域、界线", "view: masks, zones, lines"), &view(camera)))
                (say.row(("档案", "record"), &say.lack(&lacks_of_camera(camera))))
                @if let Some(came) = came { (measurement(say, came)) }
            }
        }
    }
}

fn sensor_record(sheet: &Sheet<'_>, sensor: &Sensor) -> Markup {
    let say = Say(sheet.language);
    let measures = format!("{} {}", sensor.kind, sensor.unit.as_deref().unwrap_or_default());
    markup! {
        div.record {
            h3 { (sensor.name) " (" (sensor.id) ")" }
            table {
                (place(say, &sensor.place))
                (say.row(("种类", "kind"), &measures))
                (say.row(("主题", "topic"), &sensor.topic.to_string()))
                (say.row(("规则", "rules"), &rules(sheet, &sensor.watches)))
                (say.row(("关联摄像机", "cameras that see it"), &sensor.cameras.join(", ")))
                (say.row(("档案", "record"), &say.lack(&lacks_of_sensor(sensor))))
            }
        }
    }
}

fn place(say: Say, Place { address, lon, lat }: &Place) -> Markup {
    let position = lon.zip(*lat).map(|(lon, lat)| format!("{lon:.6}, {lat:.6}"));
    markup! {
        (say.row(("地址", "address"), &address.as_deref().unwrap_or_default()))
        (say.row(("经纬度", "longitude, latitude"), &position.unwrap_or_default()))
    }
}

/// Titles of rules.
fn rules(sheet: &Sheet<'_>, watches: &[String]) -> String {
    let titles = watches.iter().map(|id| {
        let rule = sheet.config.rules.iter().find(|rule| rule.id == *id);
        rule.map_or_else(|| id.clone(), |rule| format!("{} ({id})", rule.title))
    });
    titles.collect::<Vec<_>>().join(sheet.language.pick("、", ", "))
}

/// What of the picture is hidden, looked at and spoken of.
fn view(camera: &Camera) -> Markup {
    let points = |Polygon(corners): &Polygon| {
        let corners = corners.iter().map(|(x, y)| format!("{:.1},{:.1}", x * 160.0, y * 90.0));
        corners.collect::<Vec<_>>().join(" ")
    };
    let names = camera.zones.iter().map(|(name, _)| name).chain(camera.lines.iter().map(|(name, _)| name));
    let names: Vec<&str> = names.map(String::as_str).collect();
    markup! {
        svg viewBox="0 0 160 90" {
            @for mask in &camera.masks { polygon points=(points(mask)) fill="#444" {} }
            @for (name, zone) in &camera.zones {
                polygon points=(points(zone)) fill="#0a6b2d" fill-opacity="0.25" stroke="#0a6b2d" { title { (name) } }
            }
            @for (name, line) in &camera.lines {
                line x1=(line.0.0 * 160.0) y1=(line.0.1 * 90.0) x2=(line.1.0 * 160.0) y2=(line.1.1 * 90.0) stroke="#b00020" {
                    title { (name) }
                }
            }
        }
        " " (names.join(", "))
    }
}

fn measurement(say: Say, came: &Result<Measured, SessionError>) -> Markup {
    let Measured { first_key_frame_s, figures, sleep, advice: changes } = match came {
        Ok(measured) => measured,
        Err(SessionError { fault, message }) => {
            let told = advice(*fault, say.0);
            let text = format!("{}: {message}; {}", told.problem, told.remedy);
            return say.row(("实测", "measured"), &markup! { span.missing { (text) } });
        }
    };
    let sends = format!(
        "{} {}x{}, {:.1}/s, {:.2} Mbit/s",
        figures.codec.to_uppercase(),
        figures.width,
        figures.height,
        figures.fps,
        figures.kbit_s / 1000.0
    );
    let keys =
        figures.key_frame_interval_s.map_or_else(|| "—".to_owned(), |seconds| format!("{seconds:.1} s"));
    let clock = figures.clock_offset_s.map_or_else(|| "—".to_owned(), |seconds| format!("{seconds:+.1} s"));
    markup! {
        (say.row(("实测", "measured"), &sends))
        (say.row(("首帧", "first picture after"), &format!("{first_key_frame_s:.1} s")))
        (say.row(("关键帧间隔", "key frames each"), &keys))
        (say.row(("时钟偏差", "clock against the box"), &clock))
        (say.row(("丢包", "packets lost"), &figures.lost_packets))
        (say.row(("休眠", "gate"), &sleep.as_sentence(say.0)))
        @if !changes.is_empty() { (say.row(("建议修改", "to change"), &changes.join(say.of("；", "; ")))) }
        (say.row(("结论", "verdict"), &verdict(say, came)))
    }
}

fn verdict(say: Say, came: &Result<Measured, SessionError>) -> Markup {
    match came.as_ref().map_or(Verdict::Failed, Measured::verdict) {
        Verdict::Passed => markup! { span.good { (say.of("合格", "passed")) } },
        Verdict::Remarks => markup! { (say.of("合格，需改进", "passed, with remarks")) },
        Verdict::Failed => markup! { span.missing { (say.of("不合格", "failed")) } },
    }
}

/// The result, what only people can check, and room for their names.
fn acceptance<'a>(
    say: Say,
    cameras: usize,
    came: impl Iterator<Item = &'a Result<Measured, SessionError>>,
) -> Markup {
    let verdicts: Vec<Verdict> =
        came.map(|came| came.as_ref().map_or(Verdict::Failed, Measured::verdict)).collect();
    let count = |wanted: Verdict| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    let (passed, remarks) = (count(Verdict::Passed), count(Verdict::Remarks));
    let failed = cameras - passed - remarks;
    let by_hand = [
        ("公共区域已设置提示标识", "signs are posted where cameras watch"),
        ("走动测试：每个区域触发告警", "walk test: each zone has told"),
        ("传感器测试：每个传感器在指挥中心告警", "each sensor was tested, and its alarm seen at the centre"),
        ("断网测试：恢复后事件补传", "the line was unplugged, and events came when it was back"),
        ("本地页面密码已设置", "the password of the local page is set"),
    ];
    markup! {
        h2 { (say.of("验收报告", "Acceptance report")) }
        p {
            (say.of(
                format!("{passed} 台合格，{remarks} 台需改进，{failed} 台不合格"),
                format!("{passed} passed, {remarks} with remarks, {failed} failed"),
            ))
        }
        table.sign {
            @for (chinese, english) in by_hand { tr { td { (say.of(chinese, english)) } td { "☐" } } }
        }
        table.sign {
            (say.row(("安装单位 / 签字 / 日期", "installed by, signature, date"), &""))
            (say.row(("验收单位 / 签字 / 日期", "accepted by, signature, date"), &""))
        }
    }
}
