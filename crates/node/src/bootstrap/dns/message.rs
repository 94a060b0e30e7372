//! A question for SRV records, and the answer to it, as bytes.

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Service {
    /// The name of a machine, without a dot at its end.
    pub(crate) target: String,
    pub(crate) port: u16,
}

/// What a server says.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: u8,
    /// Whether it did not fit; then it says nothing else.
    pub(super) is_cut: bool,
    pub(super) services: Vec<Service>,
}

/// Bytes that are no message, or a name that fits none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed")]
pub(super) struct Malformed;

const HEADER: usize = 12;
/// The longest name, in bytes.
const NAME_MAX: usize = 255;
const SRV: u16 = 33;
const INTERNET: u16 = 1;
/// "This is an answer", "it was cut", "please ask others".
const ANSWER: u8 = 0x80;
const CUT: u8 = 0x02;
const RECURSE: u8 = 0x01;

pub(super) fn question(id: [u8; 2], name: &str) -> Result<Vec<u8>, Malformed> {
    let mut bytes = vec![id[0], id[1], RECURSE, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length));
        bytes.push(length.ok_or(Malformed)?);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    if bytes.len() > HEADER + NAME_MAX {
        return Err(Malformed);
    }
    bytes.extend_from_slice(&SRV.to_be_bytes());
    bytes.extend_from_slice(&INTERNET.to_be_bytes());
    Ok(bytes)
}

/// Whether `packet` answers `question`: it has its id and repeats it. Names may come back in other case.
pub(super) fn is_answer(question: &[u8], packet: &[u8]) -> bool {
    let same_id = question.get(..2) == packet.get(..2);
    let is_answer = packet.get(2).is_some_and(|flags| flags & ANSWER != 0);
    let (asked, repeated) = (question.get(HEADER..), packet.get(HEADER..question.len()));
    same_id
        && is_answer
        && asked.zip(repeated).is_some_and(|(asked, repeated)| asked.eq_ignore_ascii_case(repeated))
}

pub(super) fn answer(packet: &[u8]) -> Result<Answer, Malformed> {
    let mut reader = Reader { packet, at: 2 };
    let [flags, code] = reader.number()?.to_be_bytes();
    let (questions, records) = (reader.number()?, reader.number()?);
    reader.skip(4)?;
    let mut answer = Answer { code: code & 0x0f, is_cut: flags & CUT != 0, services: Vec::new() };
    if answer.is_cut {
        return Ok(answer);
    }
    for _ in 0..questions {
        reader.name()?;
        reader.skip(4)?;
    }
    for _ in 0..records {
        reader.name()?;
        let (kind, class) = (reader.number()?, reader.number()?);
        reader.skip(4)?; // how long it holds
        let length = usize::from(reader.number()?);
        let end = reader.at + length;
        if (kind, class) == (SRV, INTERNET) {
            reader.skip(4)?; // priority and weight: all are members alike
            let port = reader.number()?;
            answer.services.push(Service { port, target: reader.name()? });
        }
        reader.go_to(end)?;
    }
    Ok(answer)
}

struct Reader<'a> {
    packet: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = self.packet.get(self.at).ok_or(Malformed)?;
        self.at += 1;
        Ok(*byte)
    }

    fn number(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    fn skip(&mut self, length: usize) -> Result<(), Malformed> {
        self.go_to(self.at + length)
    }

    fn go_to(&mut self, at: usize) -> Result<(), Malformed> {
        if at > self.packet.len() {
            return Err(Malformed);
        }
        self.at = at;
        Ok(())
    }

    /// A name, with dots between its labels and none at its end. A pointer leads to an earlier place only, so it ends.
    fn name(&mut self) -> Result<String, Malformed> {
        let mut labels: Vec<String> = Vec::new();
        let (mut behind, mut lowest, mut length_sum) = (None, self.at, 0);
        loop {
            match self.byte()? {
                0 => break,
                length @ 1..=63 => {
                    let from = self.at;
                    self.skip(usize::from(length))?;
                    length_sum += usize::from(length) + 1;
                    if length_sum > NAME_MAX {
                        return Err(Malformed);
                    }
                    let label = self.packet.get(from..self.at).ok_or(Malformed)?;
                    labels.push(String::from_utf8_lossy(label).into_owned());
                }
                high @ 0xc0.. => {
                    let to = usize::from(u16::from_be_bytes([high & 0x3f, self.byte()?]));
                    behind.get_or_insert(self.at);
                    if to >= lowest {
                        return Err(Malformed);
                    }
                    (self.at, lowest) = (to, to);
                }
                _ => return Err(Malformed),
            }
        }
        self.at = behind.unwrap_or(self.at);
        Ok(labels.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two services, the names of which share their ends with the question.
    fn packet() -> Vec<u8> {
        let mut packet = question([7, 8], "_etcd-server._tcp.example.com").unwrap();
        packet[2] |= ANSWER;
        packet[7] = 3;
        let domain = 12 + "_etcd-server._tcp.".len() as u8;
        for (kind, port, host) in [(SRV, 2380, "infra0"), (5, 1, "alias"), (SRV, 7, "infra1")] {
            packet.extend_from_slice(&[0xc0, 12]);
            packet.extend_from_slice(&kind.to_be_bytes());
            packet.extend_from_slice(&[0, 1, 0, 0, 0, 60, 0, 15, 0, 10, 0, 20]);
            packet.extend_from_slice(&u16::to_be_bytes(port));
            packet.push(host.len().try_into().unwrap());
            packet.extend_from_slice(host.as_bytes());
            let end = if host.len() == 5 { vec![0, 0, 0] } else { vec![0xc0, domain] };
            packet.extend_from_slice(&end);
        }
        packet
    }

    #[test]
    fn services_are_read_and_what_else_is_in_an_answer_passed_over() {
        let service = |port, target: &str| Service { target: target.to_owned(), port };
        let answer = answer(&packet()).unwrap();
        assert_eq!(answer.services, [service(2380, "infra0.example.com"), service(7, "infra1.example.com")]);
        assert_eq!((answer.code, answer.is_cut), (0, false));
    }

    #[test]
    fn an_answer_has_the_id_of_its_question_and_repeats_it() {
        let asked = question([7, 8], "_etcd-server._tcp.example.com.").unwrap();
        assert!(is_answer(&asked, &packet()));
        assert!(is_answer(&asked, &packet().to_ascii_uppercase()));
        for other in [
            question([7, 9], "_etcd-server._tcp.example.com"),
            question([7, 8], "_etcd-server._tcp.example.org"),
        ] {
            assert!(!is_answer(&other.unwrap(), &packet()));
        }
        assert!(!is_answer(&asked, &asked), "a question is no answer");
    }

    #[test]
    fn bytes_that_make_no_sense_are_told_from_those_that_do() {
        let whole = packet();
        for length in 0..whole.len() {
            assert_eq!(answer(&whole[..length]).err(), Some(Malformed), "{length}");
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 63, 64, 0xc0, 0xff] {
                let mut changed = whole.clone();
                changed[at] = byte;
                drop(answer(&changed)); // whatever it is, it ends
            }
        }
    }

    #[test]
    fn names_that_no_question_can_hold_are_refused() {
        let long = vec!["a".repeat(60); 5].join(".");
        for name in ["", "a..b", &"a".repeat(64), &long] {
            assert_eq!(question([0, 0], name), Err(Malformed), "{name}");
        }
    }
}
